package innopaas

import (
	"fmt"

	"sluice/internal/sender"
)

// The kinds of interactive messages.
const (
	kindList        = "list"
	kindButton      = "button"
	kindProduct     = "product"
	kindProductList = "product_list"
)

// interactive writes one of the four kinds. A part that its kind does not have
// is refused, for it would never be seen.
func (c *compiler) interactive(m sender.Interactive) {
	const path = "message.interactive"
	if err := oneOf(m.Type, kindList, kindButton, kindProduct, kindProductList); err != nil {
		c.fail(path+".type", "%w", err)
		return
	}
	c.only(path, m)
	c.key("interactive")
	c.open('{')
	c.constant("type", m.Type)
	switch {
	case m.Header != nil:
		c.header(path+".header", *m.Header)
	case m.Type == kindProductList:
		c.fail(path+".header", "is missing, and product_list needs one")
	}
	if m.Body != "" || m.Type != kindProduct {
		c.key("body")
		c.open('{')
		c.required("text", path+".body", m.Body, atMost(maxContent))
		c.end('}')
	}
	if m.Footer != "" {
		c.key("footer")
		c.open('{')
		c.required("text", path+".footer", m.Footer)
		c.end('}')
	}
	c.key("action")
	c.open('{')
	c.action(path, m)
	c.end('}')
	c.end('}')
}

// only refuses the parts that m's kind does not have.
func (c *compiler) only(path string, m sender.Interactive) {
	products := m.Type == kindProduct || m.Type == kindProductList
	for _, part := range []struct {
		name    string
		set, ok bool
	}{
		{"header", m.Header != nil, m.Type != kindProduct},
		{"catalog_id", m.CatalogID != "", products},
		{"product_retailer_id", m.ProductRetailerID != "", products},
		{"button", m.Button != "", m.Type == kindList},
		{"buttons", len(m.Buttons) > 0, m.Type == kindButton},
		{"sections", len(m.Sections) > 0, m.Type == kindList || m.Type == kindProductList},
	} {
		if part.set && !part.ok {
			c.fail(path+"."+part.name, "does not go with type %s; remove it", m.Type)
		}
	}
}

func (c *compiler) action(path string, m sender.Interactive) {
	switch m.Type {
	case kindList:
		c.required("button", path+".button", m.Button)
		c.sections(path, m)
	case kindButton:
		c.replies(path, m.Buttons)
	case kindProduct:
		c.required("catalogId", path+".catalog_id", m.CatalogID)
		c.required("productRetailerId", path+".product_retailer_id", m.ProductRetailerID, atMost(maxProductID))
	case kindProductList:
		c.required("catalogId", path+".catalog_id", m.CatalogID)
		// The page wants it here too, under a kind "product_type" that there
		// is not; the products of the sections have their own.
		c.optional("productRetailerId", path+".product_retailer_id", m.ProductRetailerID, atMost(maxProductID))
		c.sections(path, m)
	}
}

func (c *compiler) replies(path string, buttons []sender.Reply) {
	if len(buttons) == 0 {
		c.fail(path+".buttons", "is missing; give at least one button")
	}
	var titles, ids []member
	c.key("buttons")
	c.open('[')
	for i, b := range buttons {
		at := fmt.Sprintf("%s.buttons[%d]", path, i)
		c.open('{')
		c.constant("type", "reply")
		c.required("id", at+".id", b.ID, atMost(maxReplyID))
		c.required("title", at+".title", b.Title, atMost(maxReplyTitle))
		c.end('}')
		ids = append(ids, member{at + ".id", c.compileText(at+".id", b.ID)})
		titles = append(titles, member{at + ".title", c.compileText(at+".title", b.Title)})
	}
	c.end(']')
	c.together(titles, unique)
	c.together(ids, unique)
}

func (c *compiler) sections(path string, m sender.Interactive) {
	if len(m.Sections) == 0 {
		c.fail(path+".sections", "is missing; give at least one section")
	}
	var ids []member
	products := 0
	c.key("sections")
	c.open('[')
	for i, s := range m.Sections {
		at := fmt.Sprintf("%s.sections[%d]", path, i)
		c.open('{')
		if len(m.Sections) > 1 {
			if s.Title == "" {
				c.fail(at+".title", "is missing, and is needed where there is more than one section")
			}
			c.required("title", at+".title", s.Title, atMost(maxSectionTitle))
		} else {
			c.optional("title", at+".title", s.Title, atMost(maxSectionTitle))
		}
		if m.Type == kindList {
			ids = append(ids, c.rows(at, s)...)
		} else {
			c.products(at, s)
			if products += len(s.Products); products > maxProducts {
				c.fail(at+".products", "all sections together have more than %d products; remove some", maxProducts)
			}
		}
		c.end('}')
	}
	c.end(']')
	c.together(ids, unique)
}

// rows writes the rows of one section and returns their ids.
func (c *compiler) rows(path string, s sender.Section) (ids []member) {
	if len(s.Products) > 0 {
		c.fail(path+".products", "does not go with type list; give rows")
	}
	if len(s.Rows) < 1 || len(s.Rows) > maxRows {
		c.fail(path+".rows", "has %d rows, and must have 1 to %d", len(s.Rows), maxRows)
	}
	c.key("rows")
	c.open('[')
	for i, r := range s.Rows {
		at := fmt.Sprintf("%s.rows[%d]", path, i)
		c.open('{')
		c.required("id", at+".id", r.ID, atMost(maxRowID))
		c.required("title", at+".title", r.Title, atMost(maxRowTitle))
		c.optional("description", at+".description", r.Description)
		c.end('}')
		ids = append(ids, member{at + ".id", c.compileText(at+".id", r.ID)})
	}
	c.end(']')
	return ids
}

func (c *compiler) products(path string, s sender.Section) {
	if len(s.Rows) > 0 {
		c.fail(path+".rows", "does not go with type product_list; give products")
	}
	if len(s.Products) == 0 {
		c.fail(path+".products", "is missing; each section has at least one product")
	}
	c.key("productItems")
	c.open('[')
	for i, id := range s.Products {
		c.open('{')
		c.required("productRetailerId", fmt.Sprintf("%s.products[%d]", path, i), id, atMost(maxProductID))
		c.end('}')
	}
	c.end(']')
}
