package sender

// A Message is the message of a campaign file, for any provider. Every string
// in it may hold placeholders, {{column}} or {{column|fallback}}, but for those
// that are said not to. Exactly the part that Type names is set.
type Message struct {
	// Type is template, text, image, video, audio, location, document, sticker,
	// contacts or interactive. No placeholders.
	Type        string       `yaml:"type" json:"type"`
	Template    *Template    `yaml:"template,omitempty" json:"template,omitempty"`
	Text        *TextBody    `yaml:"text,omitempty" json:"text,omitempty"`
	Image       *Media       `yaml:"image,omitempty" json:"image,omitempty"`
	Video       *Media       `yaml:"video,omitempty" json:"video,omitempty"`
	Audio       *Media       `yaml:"audio,omitempty" json:"audio,omitempty"`
	Document    *Media       `yaml:"document,omitempty" json:"document,omitempty"`
	Sticker     *Media       `yaml:"sticker,omitempty" json:"sticker,omitempty"`
	Location    *Location    `yaml:"location,omitempty" json:"location,omitempty"`
	Contacts    []Contact    `yaml:"contacts,omitempty" json:"contacts,omitempty"`
	Interactive *Interactive `yaml:"interactive,omitempty" json:"interactive,omitempty"`
}

// Marketing says that a message may be marketing: its template's category is not
// said to be another.
func (m *Message) Marketing() bool {
	return m.Template == nil || m.Template.Category != "utility" && m.Template.Category != "authentication"
}

// A Template is an approved template and its variables.
type Template struct {
	Name     string `yaml:"name" json:"name"`         // no placeholders
	Language string `yaml:"language" json:"language"` // no placeholders
	// Category is marketing, utility or authentication, where the campaign
	// says it; MMLite takes marketing alone. No placeholders.
	Category string   `yaml:"category,omitempty" json:"category,omitempty"`
	Header   *Header  `yaml:"header,omitempty" json:"header,omitempty"`
	Body     []string `yaml:"body,omitempty" json:"body,omitempty"`
	Buttons  []Button `yaml:"buttons,omitempty" json:"buttons,omitempty"`
}

// A Header is a template's or an interactive message's header; one of Text,
// Image, Video and Document is set.
type Header struct {
	Text     string `yaml:"text,omitempty" json:"text,omitempty"`
	Image    string `yaml:"image,omitempty" json:"image,omitempty"`       // a link
	Video    string `yaml:"video,omitempty" json:"video,omitempty"`       // a link
	Document string `yaml:"document,omitempty" json:"document,omitempty"` // a link
	Caption  string `yaml:"caption,omitempty" json:"caption,omitempty"`   // not with Text
}

// A Button is the variable of one template button; one of URL, CopyCode and Payload
// is set.
type Button struct {
	Index    int    `yaml:"index" json:"index"` // the button's place in the template, from 0
	URL      string `yaml:"url,omitempty" json:"url,omitempty"`
	CopyCode string `yaml:"copy_code,omitempty" json:"copy_code,omitempty"`
	Payload  string `yaml:"payload,omitempty" json:"payload,omitempty"` // of a quick reply
}

// A TextBody is a text message.
type TextBody struct {
	Body       string `yaml:"body" json:"body"`
	PreviewURL bool   `yaml:"preview_url,omitempty" json:"preview_url,omitempty"` // of the first link
}

// Media is an image, video, audio, document or sticker.
type Media struct {
	Link     string `yaml:"link" json:"link"`
	Caption  string `yaml:"caption,omitempty" json:"caption,omitempty"`
	Filename string `yaml:"filename,omitempty" json:"filename,omitempty"`
}

// A Location is a place on the map, in decimal degrees.
type Location struct {
	Latitude  string `yaml:"latitude" json:"latitude"`
	Longitude string `yaml:"longitude" json:"longitude"`
	Name      string `yaml:"name,omitempty" json:"name,omitempty"`
	Address   string `yaml:"address,omitempty" json:"address,omitempty"`
}

// A Contact is one card of a contacts message.
type Contact struct {
	Name      ContactName      `yaml:"name" json:"name"`
	Phones    []ContactPhone   `yaml:"phones,omitempty" json:"phones,omitempty"`
	Org       *ContactOrg      `yaml:"org,omitempty" json:"org,omitempty"`
	Addresses []ContactAddress `yaml:"addresses,omitempty" json:"addresses,omitempty"`
	Birthday  string           `yaml:"birthday,omitempty" json:"birthday,omitempty"`
	Emails    []ContactEmail   `yaml:"emails,omitempty" json:"emails,omitempty"`
	URLs      []ContactURL     `yaml:"urls,omitempty" json:"urls,omitempty"`
}

// A ContactName needs its Formatted form at least.
type ContactName struct {
	Formatted string `yaml:"formatted" json:"formatted"`
	First     string `yaml:"first,omitempty" json:"first,omitempty"`
	Last      string `yaml:"last,omitempty" json:"last,omitempty"`
	Middle    string `yaml:"middle,omitempty" json:"middle,omitempty"`
	Suffix    string `yaml:"suffix,omitempty" json:"suffix,omitempty"`
	Prefix    string `yaml:"prefix,omitempty" json:"prefix,omitempty"`
}

// A ContactPhone has Type HOME or WORK.
type ContactPhone struct {
	Type  string `yaml:"type,omitempty" json:"type,omitempty"`
	Phone string `yaml:"phone" json:"phone"`
	WaID  string `yaml:"wa_id,omitempty" json:"wa_id,omitempty"`
}

// A ContactOrg is where a contact works.
type ContactOrg struct {
	Company    string `yaml:"company,omitempty" json:"company,omitempty"`
	Department string `yaml:"department,omitempty" json:"department,omitempty"`
	Title      string `yaml:"title,omitempty" json:"title,omitempty"`
}

// A ContactAddress has Type HOME or WORK.
type ContactAddress struct {
	Type        string `yaml:"type,omitempty" json:"type,omitempty"`
	Street      string `yaml:"street,omitempty" json:"street,omitempty"`
	City        string `yaml:"city,omitempty" json:"city,omitempty"`
	State       string `yaml:"state,omitempty" json:"state,omitempty"`
	Zip         string `yaml:"zip,omitempty" json:"zip,omitempty"`
	Country     string `yaml:"country,omitempty" json:"country,omitempty"`
	CountryCode string `yaml:"country_code,omitempty" json:"country_code,omitempty"`
}

// A ContactEmail has Type HOME or WORK.
type ContactEmail struct {
	Type  string `yaml:"type,omitempty" json:"type,omitempty"`
	Email string `yaml:"email" json:"email"`
}

// A ContactURL has Type HOME or WORK.
type ContactURL struct {
	Type string `yaml:"type,omitempty" json:"type,omitempty"`
	URL  string `yaml:"url" json:"url"`
}

// An Interactive is a list, button, product or product_list message.
type Interactive struct {
	Type   string  `yaml:"type" json:"type"` // no placeholders
	Header *Header `yaml:"header,omitempty" json:"header,omitempty"`
	Body   string  `yaml:"body,omitempty" json:"body,omitempty"`
	Footer string  `yaml:"footer,omitempty" json:"footer,omitempty"`
	// CatalogID and ProductRetailerID belong to product and product_list.
	CatalogID         string    `yaml:"catalog_id,omitempty" json:"catalog_id,omitempty"`
	ProductRetailerID string    `yaml:"product_retailer_id,omitempty" json:"product_retailer_id,omitempty"`
	Button            string    `yaml:"button,omitempty" json:"button,omitempty"`   // the label that opens a list
	Buttons           []Reply   `yaml:"buttons,omitempty" json:"buttons,omitempty"` // of a button message
	Sections          []Section `yaml:"sections,omitempty" json:"sections,omitempty"`
}

// A Reply is one reply button.
type Reply struct {
	ID    string `yaml:"id" json:"id"`
	Title string `yaml:"title" json:"title"`
}

// A Section groups the rows of a list or the products of a product_list.
type Section struct {
	Title    string       `yaml:"title,omitempty" json:"title,omitempty"`
	Rows     []SectionRow `yaml:"rows,omitempty" json:"rows,omitempty"`
	Products []string     `yaml:"products,omitempty" json:"products,omitempty"` // retailer ids
}

// A SectionRow is one choice in a list.
type SectionRow struct {
	ID          string `yaml:"id" json:"id"`
	Title       string `yaml:"title" json:"title"`
	Description string `yaml:"description,omitempty" json:"description,omitempty"`
}
