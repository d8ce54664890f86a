package notiontest

// A Value is the value of one property of one page. A nil Value is what Notion
// has where nothing was entered: null, an empty list or false, by the type.
type Value interface{ value() }

// Text is the value of title and rich_text: runs of text.
type Text []Run

// A Run is a piece of rich text.
type Run struct {
	// Text is what a reader of the JSON sees as plain_text.
	Text string
	// JSON is the JSON string literal on the wire, where it is not simply Text
	// encoded: lone surrogates, bytes that are not UTF-8.
	JSON     string
	Link     string
	Bold     bool
	Equation bool
	Mention  *Mention
}

// A Mention is what a run points to.
type Mention struct {
	Type string // user, page, database or date
	ID   string // of the user, page or database
	Date *Date
}

// Number is a JSON number as it stands on the wire.
type Number string

// Choice is the option ID of a select or status.
type Choice string

// Choices are the option IDs of a multi_select.
type Choices []string

// Date is the value of a date; the texts stand on the wire as they are. Empty
// End and TimeZone are null.
type Date struct{ Start, End, TimeZone string }

// People are user or group IDs.
type People []string

// Files are the value of a files property.
type Files []File

// A File is an external file, or with Hosted one of Notion's, whose URL gets a
// new signature with every read. A URL that is a path is one of the server's own,
// see Served.
type File struct {
	Name, URL string
	Hosted    bool
}

// Check is the value of a checkbox, and of a boolean formula.
type Check bool

// Str is the value of url, email and phone_number, and of a string formula.
type Str string

// Result is the value of a formula: Type is string, number, boolean, date or
// unsupported; a nil Value is null.
type Result struct {
	Type  string
	Value Value
}

// Refs are the page IDs of a relation.
type Refs []string

// Unique is the number of a unique_id; below 0 is null.
type Unique int

// Verified is the value of a verification.
type Verified struct {
	State string // verified or expired
	By    string // user ID
	Date  *Date
}

// Place is the value of a place.
type Place struct {
	Lat, Lon      Number
	Name, Address string // "" is null
}

// Raw is a value as JSON, of whatever type.
type Raw string

func (Text) value()     {}
func (Number) value()   {}
func (Choice) value()   {}
func (Choices) value()  {}
func (Date) value()     {}
func (People) value()   {}
func (Files) value()    {}
func (Check) value()    {}
func (Str) value()      {}
func (Result) value()   {}
func (Refs) value()     {}
func (Unique) value()   {}
func (Verified) value() {}
func (Place) value()    {}
func (Raw) value()      {}

// Plain returns s as a text of one run, or of none when s is empty.
func Plain(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{{Text: s}}
}

// String is what a reader sees: all runs joined.
func (t Text) String() string {
	if len(t) == 1 {
		return t[0].Text
	}
	n := 0
	for _, r := range t {
		n += len(r.Text)
	}
	b := make([]byte, 0, n)
	for _, r := range t {
		b = append(b, r.Text...)
	}
	return string(b)
}
