// Package laketest has what tests of a load need: a Source and a Catalog in
// memory, Points that fail or stop a load, and the conformance test that every
// Catalog must pass.
package laketest
