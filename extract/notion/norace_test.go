//go:build !race

package notion_test

const raced = false
