//go:build !race

package notiontest

const raced = false
