package extract

import "sync"

// A parsedTexts keeps the texts of few pages, ready to be written: each table goes
// through all of them. It is safe for concurrent use.
type parsedTexts struct {
	mu    sync.Mutex
	early map[place]*pageText // as they were read
	pages map[*pageEntry]func() (*pageText, error)
}

// parseEarly parses a text that was put aside while Notion is waited for anyway.
func (c *content) parseEarly(at place, record []byte) {
	p := &c.parsed
	if !c.texts.isSmall() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.early = nil
		return
	}
	t := parsePageText(record)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.early == nil {
		p.early = map[place]*pageText{}
	}
	p.early[at] = t
}

// parseOnce says that nothing more is read: where all texts fit into memory each is
// parsed once from now on.
func (c *content) parseOnce() {
	if c.texts.isSmall() {
		c.parsed.pages = map[*pageEntry]func() (*pageText, error){}
	}
}

// text is what is in and on a page; blocks that were read later included. It is not to
// be changed: tables share it.
func (c *content) text(e *pageEntry) (*pageText, error) {
	p := &c.parsed
	if p.pages == nil {
		return c.readBack(e, nil)
	}
	p.mu.Lock()
	once, early := p.pages[e], p.early[e.text]
	if once == nil {
		once = sync.OnceValues(func() (*pageText, error) { return c.readBack(e, early) })
		p.pages[e] = once
	}
	p.mu.Unlock()
	return once()
}
