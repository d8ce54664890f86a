package main

import (
	"reflect"

	"github.com/goccy/go-yaml/ast"
	"github.com/urfave/cli/v2"

	"github.com/notionlake/notionlake/lake"
)

// A retentionConfig is how many loads of which kind are kept.
type retentionConfig struct {
	All         bool
	KeepLast    int `yaml:"keep_last"`
	KeepDaily   int `yaml:"keep_daily"`
	KeepWeekly  int `yaml:"keep_weekly"`
	KeepMonthly int `yaml:"keep_monthly"`
}

// defaultRetention holds where the configuration says nothing.
var defaultRetention = retentionConfig{KeepDaily: 30, KeepWeekly: 12, KeepMonthly: 24}

// decodeYAML takes the word all as well. What is empty keeps by the defaults.
func (r *retentionConfig) decodeYAML(d *yamlDecoder, n ast.Node, path string) error {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode, *ast.NullNode:
		type keys retentionConfig // without this method
		return d.value(n, reflect.ValueOf((*keys)(r)).Elem(), path)
	}
	text, err := d.text(n, path)
	if err == nil && text != "all" {
		err = d.errorAt(n, path, "%q: all, which keeps every load, or keys like keep_daily: 30 are expected", cut(text, 60))
	}
	*r = retentionConfig{All: true}
	return err
}

// check refuses a retention that cannot be meant: a number below zero, or nothing
// but zeros, by which all history would go.
func (r retentionConfig) check() error {
	for _, k := range []struct {
		key string
		n   int
	}{{"keep_last", r.KeepLast}, {"keep_daily", r.KeepDaily}, {"keep_weekly", r.KeepWeekly}, {"keep_monthly", r.KeepMonthly}} {
		if k.n < 0 {
			return badKey("retention."+k.key, "retention.%s %d: a number of loads is expected, 0 for none of this kind", k.key, k.n)
		}
	}
	if r == (retentionConfig{}) {
		return badKey("retention", "retention: nothing would be kept but the newest load: name a number for at least one of keep_last, keep_daily, keep_weekly, keep_monthly, or write `retention: all`")
	}
	return nil
}

// retention is what the configuration keeps.
func (c *config) retention() lake.Retention {
	r := c.Retention
	return lake.Retention{All: r.All, Last: r.KeepLast, Daily: r.KeepDaily, Weekly: r.KeepWeekly, Monthly: r.KeepMonthly}
}

func keepFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "keep-last", Usage: "keep the newest `N` loads", DefaultText: "none"},
		&cli.IntFlag{Name: "keep-daily", Usage: "keep the newest load of each of the last `N` days", DefaultText: "none"},
		&cli.IntFlag{Name: "keep-weekly", Usage: "keep the newest load of each of the last `N` weeks", DefaultText: "none"},
		&cli.IntFlag{Name: "keep-monthly", Usage: "keep the newest load of each of the last `N` months", DefaultText: "none"},
	}
}

// retentionOf is what the flags keep, empty without them.
func retentionOf(c *cli.Context) (r lake.Retention, err error) {
	for _, flag := range []struct {
		name string
		n    *int
	}{{"keep-last", &r.Last}, {"keep-daily", &r.Daily}, {"keep-weekly", &r.Weekly}, {"keep-monthly", &r.Monthly}} {
		if !c.IsSet(flag.name) {
			continue
		}
		if *flag.n = c.Int(flag.name); *flag.n <= 0 {
			return r, usagef("--%s %d: at least 1 is expected; leave the flag out to keep none of this kind (the newest load never expires)", flag.name, *flag.n)
		}
	}
	if c.IsSet("older-than") {
		if r.Younger, err = parseLoadAge("--older-than", c.String("older-than")); err != nil {
			return r, err
		}
	}
	if c.IsSet("load") && !r.Empty() {
		return r, usagef("--load: it names what expires, the other flags what is kept: one of the two")
	}
	for _, text := range c.StringSlice("load") {
		id, err := parseLoad(text)
		if err != nil {
			return r, usagef("--load %v", err)
		}
		r.Named = append(r.Named, id)
	}
	return r, nil
}
