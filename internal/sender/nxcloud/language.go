package nxcloud

import "sluice/internal/sender"

// languages are the codes of the SaaS send page, revision of 2025-03-10.
var languages = [...]string{
	"af", "sq", "ar", "az", "bn", "bg", "ca", "zh_CN", "zh_HK", "zh_TW", "hr", "cs", "da", "nl", "en", "en_GB", "en_US",
	"et", "fil", "fi", "fr", "de", "el", "gu", "he", "hi", "hu", "id", "ga", "it", "ja", "kn", "kk", "ko", "lo", "lv",
	"lt", "mk", "ms", "mr", "nb", "fa", "pl", "pt_BR", "pt_PT", "pa", "ro", "ru", "sr", "sk", "sl", "es", "es_AR", "es_ES",
	"es_MX", "sw", "sv", "ta", "te", "th", "tr", "uk", "ur", "uz", "vi",
}

// checkLanguage refuses a code that is not in the list, with the nearest that is.
func checkLanguage(code string) error { return sender.CheckLanguage(code, "nxcloud", languages[:]) }
