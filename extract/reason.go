package extract

// A Reason says why a cell does not hold what Notion has. Reasons stand in the
// report (omitted[].reason) and as the kind of rows of _problems.
type Reason string

const (
	// ReasonUnsupported: Notion could not compute the value (unsupported, incomplete); null.
	ReasonUnsupported Reason = "value_not_computed"
	// ReasonLongRollup: a rollup over more references than Notion shows in a
	// page, which Notion does not compute elsewhere and the rows of the load do not
	// tell; null.
	ReasonLongRollup Reason = "rollup_beyond_limit"
	// ReasonLongFormula: a formula over more references than Notion shows in a
	// page; as Notion computed it, over the first ones.
	ReasonLongFormula Reason = "formula_beyond_limit"
	// ReasonInexact: an integer that no double is equal to; rounded.
	ReasonInexact Reason = "number_not_exact"
	// ReasonNumberRange: a number beyond the doubles; null.
	ReasonNumberRange Reason = "number_out_of_range"
	// ReasonDate: not a date, or one outside 0001-01-01 to 9999-12-31 UTC, or in
	// a time zone that is not known; null.
	ReasonDate Reason = "date_invalid"
	// ReasonText: text that is not Unicode (lone surrogates, bytes that are not
	// UTF-8); what could not be read is U+FFFD.
	ReasonText Reason = "text_invalid"
	// ReasonType: a value of a property type that is not known; kept as JSON.
	ReasonType Reason = "type_unknown"
	// ReasonAdded: a value of a property that the data source did not have when
	// the load read its properties; it has no column in this load.
	ReasonAdded Reason = "property_added_meanwhile"
	// ReasonNoProperty: a value of a property that Notion does not list among
	// the data source's; it has no column.
	ReasonNoProperty Reason = "property_not_listed"
)

// The bits of decoder.noted, one per Reason that a value can have.
const (
	notedUnsupported = 1 << iota
	notedLongRollup
	notedInexact
	notedNumberRange
	notedDate
	notedText
	notedType
	notedAdded
	notedNoProperty
	notedLongFormula
)

// reasons are the Reasons by bit.
var reasons = [...]Reason{
	ReasonUnsupported, ReasonLongRollup, ReasonInexact, ReasonNumberRange, ReasonDate,
	ReasonText, ReasonType, ReasonAdded, ReasonNoProperty, ReasonLongFormula,
}

// explain says in words what became of the values.
func (r Reason) explain() string {
	switch r {
	case ReasonUnsupported:
		return "Notion did not compute the value; null"
	case ReasonLongRollup:
		return "a rollup over more references than Notion shows, which the rows of this load do not tell; null"
	case ReasonLongFormula:
		return "a formula over more references than Notion shows, which it computes over the first ones; as Notion has it"
	case ReasonInexact:
		return "an integer that a double cannot hold exactly; rounded"
	case ReasonNumberRange:
		return "a number beyond the doubles; null"
	case ReasonDate:
		return "not a date from 0001-01-01 to 9999-12-31 UTC; null"
	case ReasonText:
		return "text that is not Unicode; what could not be read is U+FFFD"
	case ReasonType:
		return "of a property type that is not known; kept as JSON"
	case ReasonAdded:
		return "the property was added while the load ran; it has a column from the next load on"
	case ReasonNoProperty:
		return "Notion does not list the property among the data source's; it has no column"
	}
	return string(r)
}
