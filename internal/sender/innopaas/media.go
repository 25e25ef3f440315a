package innopaas

import "sluice/internal/sender"

// media writes an image, video, audio, document or sticker. The page says
// nothing of a sticker's caption; WhatsApp shows none.
func (c *compiler) media(path, kind string, m sender.Media) {
	if m.Caption != "" && (kind == "audio" || kind == "sticker") {
		c.fail(path+".caption", "%s has no caption; remove it", kind)
	}
	c.key("media")
	c.open('{')
	c.required("link", path+".link", m.Link, link)
	c.optional("caption", path+".caption", m.Caption, atMost(maxContent))
	if kind == "document" {
		c.required("filename", path+".filename", m.Filename)
	} else if m.Filename != "" {
		c.fail(path+".filename", "only a document has a file name; remove it")
	}
	c.end('}')
}

// location writes a place; degrees go out as strings, as documented.
func (c *compiler) location(l sender.Location) {
	const path = "message.location"
	c.key("location")
	c.open('{')
	c.required("latitude", path+".latitude", l.Latitude, degrees(maxLatitude))
	c.required("longitude", path+".longitude", l.Longitude, degrees(maxLongitude))
	c.optional("name", path+".name", l.Name)
	c.optional("address", path+".address", l.Address)
	c.end('}')
}
