package extract

// A rollupWay says where the value of a rollup comes from that runs over more
// references than Notion shows in a page.
type rollupWay struct {
	// endpoint: the property endpoint computes it over all references.
	endpoint bool
	// joined: it is computed here, from the rows of the related data source in this
	// load, where the endpoint does not give it.
	joined bool
}

// rollupWays are all functions of Notion's. In a page each is computed over the
// first references only, and Notion does not say so. The property endpoint gives
// the values of show_original flattened, and none of show_unique, unique, median,
// count_per_group and percent_per_group; of the others it may say that there are
// too many pages (unsupported), and then they are computed here.
//
//	function                       computed here as
//	count                          the number of references
//	count_values                   the number of values: a multi_select of two counts 2
//	unique                         the number of different values
//	empty, not_empty, percent_*    of pages without, with a value; null over none;
//	                               a checkbox is never empty
//	checked, unchecked, percent_*  of pages
//	sum, average, median           in double arithmetic, in the relation's order;
//	min, max, range                what is empty does not count; over nothing the sum
//	                               is 0, the others null
//	earliest_date, latest_date     the whole date of the item that starts first, ends last
//	date_range                     from the earliest start to the latest end
//	show_original                  every value, nulls too, in the relation's order
//	show_unique                    every value that is not empty and not the same as one before it
//	count_per_group,               not at all: which group of a status is counted is not
//	percent_per_group              told; null and counted
//
// A function that is not known here is null and counted.
var rollupWays = map[string]rollupWay{
	"count":             {endpoint: true, joined: true},
	"count_values":      {endpoint: true, joined: true},
	"empty":             {endpoint: true, joined: true},
	"not_empty":         {endpoint: true, joined: true},
	"percent_empty":     {endpoint: true, joined: true},
	"percent_not_empty": {endpoint: true, joined: true},
	"checked":           {endpoint: true, joined: true},
	"unchecked":         {endpoint: true, joined: true},
	"percent_checked":   {endpoint: true, joined: true},
	"percent_unchecked": {endpoint: true, joined: true},
	"sum":               {endpoint: true, joined: true},
	"average":           {endpoint: true, joined: true},
	"min":               {endpoint: true, joined: true},
	"max":               {endpoint: true, joined: true},
	"range":             {endpoint: true, joined: true},
	"earliest_date":     {endpoint: true, joined: true},
	"latest_date":       {endpoint: true, joined: true},
	"date_range":        {endpoint: true, joined: true},
	"median":            {joined: true},
	"unique":            {joined: true},
	"show_original":     {joined: true},
	"show_unique":       {joined: true},
}

const (
	// maxNested is how deep rollups over rollups are computed. Notion computes no
	// deeper ones either.
	maxNested = 4
	// maxNestedReads is how many pages are looked at for one row's rollups over
	// rollups: what they reach grows with every level.
	maxNestedReads = 100_000
	// maxAsked is how many related pages that are not among the rows of the load
	// (in the trash, most likely) a load asks for one by one.
	maxAsked = 1000
)
