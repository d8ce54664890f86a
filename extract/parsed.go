package extract

import "sync"

// A parsedTexts keeps the texts of few pages once they have been read back: each table
// goes through all of them. It is safe for concurrent use.
type parsedTexts struct {
	mu    sync.Mutex
	pages map[*pageEntry]func() (*pageText, error)
}

// text is the text of a page, which read reads if none did yet.
func (p *parsedTexts) text(e *pageEntry, read func() (*pageText, error)) (*pageText, error) {
	p.mu.Lock()
	once := p.pages[e]
	if once == nil {
		once = sync.OnceValues(read)
		p.pages[e] = once
	}
	p.mu.Unlock()
	return once()
}

// parseOnce says that nothing more is read: where all texts fit into memory each is
// parsed once from now on.
func (c *content) parseOnce() {
	if c.texts.isSmall() {
		c.parsed = &parsedTexts{pages: map[*pageEntry]func() (*pageText, error){}}
	}
}
