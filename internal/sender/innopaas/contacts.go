package innopaas

import (
	"fmt"

	"sluice/internal/sender"
)

// contacts writes the cards; arrays is Options.ContactArrays.
func (c *compiler) contacts(cards []sender.Contact, arrays bool) {
	c.key("contacts")
	c.open('[')
	for i, card := range cards {
		c.open('{')
		c.contact(fmt.Sprintf("message.contacts[%d]", i), card, arrays)
		c.end('}')
	}
	c.end(']')
}

func (c *compiler) contact(path string, card sender.Contact, arrays bool) {
	c.single("name", arrays, func() { c.contactName(path+".name", card.Name) })
	list(c, "phones", path+".phones", card.Phones, func(at string, p sender.ContactPhone) {
		c.optional("type", at+".type", p.Type, place)
		c.required("phone", at+".phone", p.Phone)
		c.optional("waID", at+".wa_id", p.WaID)
	})
	if card.Org != nil {
		c.single("org", arrays, func() {
			c.optional("company", path+".org.company", card.Org.Company)
			c.optional("department", path+".org.department", card.Org.Department)
			c.optional("title", path+".org.title", card.Org.Title)
		})
	}
	list(c, "addresses", path+".addresses", card.Addresses, func(at string, a sender.ContactAddress) {
		c.optional("type", at+".type", a.Type, place)
		c.optional("street", at+".street", a.Street)
		c.optional("city", at+".city", a.City)
		c.optional("state", at+".state", a.State)
		c.optional("zip", at+".zip", a.Zip)
		c.optional("country", at+".country", a.Country)
		c.optional("countryCode", at+".country_code", a.CountryCode)
	})
	c.optional("birthday", path+".birthday", card.Birthday)
	list(c, "emails", path+".emails", card.Emails, func(at string, e sender.ContactEmail) {
		c.optional("type", at+".type", e.Type, place)
		c.required("email", at+".email", e.Email)
	})
	list(c, "urls", path+".urls", card.URLs, func(at string, u sender.ContactURL) {
		c.optional("type", at+".type", u.Type, place)
		c.required("url", at+".url", u.URL, link)
	})
}

func (c *compiler) contactName(path string, n sender.ContactName) {
	c.required("formattedName", path+".formatted", n.Formatted)
	c.optional("firstName", path+".first", n.First)
	c.optional("lastName", path+".last", n.Last)
	c.optional("middleName", path+".middle", n.Middle)
	c.optional("suffix", path+".suffix", n.Suffix)
	c.optional("prefix", path+".prefix", n.Prefix)
}

// single writes one object, in an array if array says so.
func (c *compiler) single(name string, array bool, members func()) {
	c.key(name)
	if array {
		c.open('[')
		defer c.end(']')
	}
	c.open('{')
	members()
	c.end('}')
}

// list writes an array of objects where there are any.
func list[T any](c *compiler, name, path string, all []T, members func(at string, one T)) {
	if len(all) == 0 {
		return
	}
	c.key(name)
	c.open('[')
	for i, one := range all {
		c.open('{')
		members(fmt.Sprintf("%s[%d]", path, i), one)
		c.end('}')
	}
	c.end(']')
}
