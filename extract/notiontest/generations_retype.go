package notiontest

import "strconv"

func (e *evolution) retypes() {
	t := e.t
	options := t.Model().Source(e.id).Property("s2ms").Options
	t.Retype(e.id, "n2tx", Property{Type: "rich_text"}, func(v Value) Value {
		n, _ := v.(Number)
		return Plain(string(n))
	})
	t.Retype(e.id, "s2ms", Property{Type: "multi_select", Options: options}, func(v Value) Value {
		c, ok := v.(Choice)
		if !ok {
			return Choices{}
		}
		return Choices{string(c)}
	})
	t.Retype(e.id, "t2nu", Property{Type: "number"}, func(v Value) Value {
		text, _ := v.(Text)
		if _, err := strconv.ParseFloat(text.String(), 64); err != nil {
			return nil
		}
		return Number(text.String())
	})
	t.Retype(e.id, "c2fo", Property{Type: "formula", Expression: "if(checked, 1, 2)"}, func(v Value) Value {
		if v == Check(true) {
			return Result{"number", Number("1")}
		}
		return Result{"number", Number("2")}
	})
	// These keep the type of their columns.
	t.Retype(e.id, "s2st", Property{Type: "status", Options: options}, func(v Value) Value { return v })
	t.Retype(e.id, "t2ur", Property{Type: "url"}, func(v Value) Value {
		text, ok := v.(Text)
		if !ok {
			return nil
		}
		return Str(text.String())
	})
	t.RemoveProperty(e.id, "gone")
	t.RemoveProperty(e.id, "agai")
	t.RemoveProperty(e.id, "back")
	t.RemoveProperty(e.id, "take")
	// The first of two with one name leaves; the other keeps the name it has.
	t.RenameProperty(e.id, "cllA", "Labels")
	t.Property(e.id, "rol").Rollup = &Rollup{"rel", "title", "show_original"}
	t.Property(e.id, "fun").Rollup = &Rollup{"rel", "date", "latest_date"}
	t.Property(e.id, "fMix").Expression = "v2"
	t.TrashSource(e.source("to trash"))
	t.Unarchive(e.row(4))
	t.Trash(t.Model().Source(e.source("related")).Rows[3])
}

func (e *evolution) again() {
	t := e.t
	t.AddProperty(e.id, Property{ID: "agA2", Name: "To make again", Type: "rich_text"}, 5)
	t.AddProperty(e.id, Property{ID: "back", Name: "To come back", Type: "number"}, -1)
	t.AddProperty(e.id, Property{ID: "tkr2", Name: "to_be_taken", Type: "checkbox"}, -1)
	t.AddProperty(e.id, Property{ID: "nWit", Name: "TAGS", Type: "number"}, -1)
	t.Set(e.row(0), "agA2", Plain("made again"))
	t.Set(e.row(0), "tkr2", Check(true))
	t.Set(e.row(1), "back", Number("99"))
	t.Share(e.source("to unshare"))
	t.RestoreSource(e.source("to trash"))
	t.SwapNames(e.id, "n2tx", "t2nu")
	t.Move(t.Model().Source(e.source("to rename")).Rows[0], e.source("to move from"))
}

func (e *evolution) empties() {
	for _, id := range e.t.Model().Source(e.source("to empty")).Rows {
		if !e.t.Model().Pages[id].Trashed {
			e.t.Trash(id)
		}
	}
}

func (e *evolution) returns() {
	t := e.t
	t.SwapNames(e.id, "swp1", "swp2")
	t.RenameProperty(e.id, "renm", "To rename")
	t.RemoveProperty(e.id, "new1")
	t.AddProperty(e.id, Property{ID: "take", Name: "Taken before", Type: "rich_text"}, -1)
	t.Restore(t.Model().Source(e.source("to empty")).Rows[0])
	t.Retype(e.id, "n2tx", Property{Type: "number"}, func(v Value) Value {
		text, _ := v.(Text)
		if text.String() == "" {
			return nil
		}
		return Number(text.String())
	})
	t.TrashSource(e.source("born"))
}
