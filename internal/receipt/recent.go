package receipt

import "container/list"

// pagesKept is how many pages stay in memory: some 150 KB each.
const pagesKept = 256

// recent are the pages that were used last.
type recent struct {
	most  int
	order *list.List // of *page, the newest first
	at    map[place]*list.Element
}

// A place is one batch.
type place struct {
	campaign string
	n        int
}

func newRecent(most int) *recent {
	return &recent{most: most, order: list.New(), at: map[place]*list.Element{}}
}

func (r *recent) get(id string, n int) *page {
	e := r.at[place{id, n}]
	if e == nil {
		return nil
	}
	r.order.MoveToFront(e)
	return e.Value.(*page)
}

func (r *recent) put(p *page) {
	if e := r.at[place{p.Campaign, p.N}]; e != nil {
		e.Value = p
		r.order.MoveToFront(e)
		return
	}
	r.at[place{p.Campaign, p.N}] = r.order.PushFront(p)
	for r.order.Len() > r.most {
		r.drop(r.order.Back().Value.(*page))
	}
}

func (r *recent) drop(p *page) {
	if e := r.at[place{p.Campaign, p.N}]; e != nil {
		r.order.Remove(e)
		delete(r.at, place{p.Campaign, p.N})
	}
}

func (r *recent) clear() {
	r.order.Init()
	clear(r.at)
}
