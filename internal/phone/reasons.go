package phone

import "errors"

// Why a cell is no number. They hold nothing of the cell, and say what to write.
var (
	ErrNone       = errors.New("there is no phone number")
	ErrScientific = errors.New("the phone number was turned into something like 8.6138E+12 by a spreadsheet, which lost its last digits; format the column as text and export again")
	ErrDecimals   = errors.New("the phone number has decimals; format the column as text and export again")
	ErrLetters    = errors.New("the phone number has letters or other characters that belong to none")
	ErrExtension  = errors.New("the phone number has an extension, which gets no messages; write the number alone")
	ErrSeveral    = errors.New("the cell has two phone numbers; write one")
	ErrScripts    = errors.New("the phone number has digits of two scripts; write it with 0 to 9")
	ErrShort      = errors.New("the phone number is too short")
	ErrLong       = errors.New("the phone number is too long")
	ErrCountry    = errors.New("the phone number begins with no country's code; write it with + and its country's code, or set recipients.default_country")
	ErrLength     = errors.New("the phone number has a length that its country does not have")
	ErrNotValid   = errors.New("the phone number is not valid in its country")
	ErrBare       = errors.New("the phone number is not valid in its country; where it is right all the same, write it with +")
	ErrNeither    = errors.New("the phone number is valid neither in recipients.default_country nor with its own country's code; write it with + and its country's code")
	ErrAbroad     = errors.New("the phone number begins with 00, and with what dials abroad from recipients.default_country, which is longer; write it with + and its country's code")
	ErrOldForm    = errors.New("the phone number is another country's, or a mobile's of recipients.default_country in an old form (of Brazil without its ninth digit, of Mexico behind a 1); write it with + and its country's code, or set recipients.numbers to full if it is the former")
	ErrAmbiguous  = errors.New("the phone number is valid in recipients.default_country and, with its own country's code, in another country too; write it with +, or set recipients.numbers to national or full")
)
