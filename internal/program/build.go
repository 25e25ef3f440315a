package program

import "github.com/prometheus/client_golang/prometheus"

// TellBuild has a program's figures say which it is.
func TellBuild(reg prometheus.Registerer, name, version string) {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_build_info", Help: "1, of a program and its version.",
		ConstLabels: prometheus.Labels{"program": name, "version": version},
	})
	info.Set(1)
	reg.MustRegister(info)
}
