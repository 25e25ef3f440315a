// Package kubernetes_test reads deploy/kubernetes as a cluster's API server does: by the
// types themselves, with no field that they have not.
package kubernetes_test

import (
	"bytes"
	"os"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// pod is what the objects that run something have in common.
type pod struct {
	name     string
	selector map[string]string
	template corev1.PodTemplateSpec
	claims   []corev1.PersistentVolumeClaim
}

func TestManifest(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/kubernetes/sluice.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var pods []pod
	var services []corev1.Service
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		var kind struct{ Kind string }
		if err := yaml.Unmarshal(document, &kind); err != nil {
			t.Fatal(err)
		}
		strictly := func(into any) {
			t.Helper()
			if err := yaml.UnmarshalStrict(document, into); err != nil {
				t.Errorf("%s: %v", kind.Kind, err)
			}
		}
		switch kind.Kind {
		case "Deployment":
			var d appsv1.Deployment
			strictly(&d)
			pods = append(pods, pod{d.Name, d.Spec.Selector.MatchLabels, d.Spec.Template, nil})
		case "StatefulSet":
			var s appsv1.StatefulSet
			strictly(&s)
			pods = append(pods, pod{s.Name, s.Spec.Selector.MatchLabels, s.Spec.Template, s.Spec.VolumeClaimTemplates})
		case "Service":
			var s corev1.Service
			strictly(&s)
			services = append(services, s)
		default:
			t.Errorf("a %s", kind.Kind)
		}
	}
	if len(pods) != 3 || len(services) != 2 {
		t.Fatalf("%d that run, %d services", len(pods), len(services))
	}
	for _, p := range pods {
		p.check(t)
	}
	for _, s := range services {
		found := false
		for _, p := range pods {
			if within(s.Spec.Selector, p.template.Labels) {
				_, found = portOf(p.template.Spec.Containers[0], s.Spec.Ports[0].TargetPort.StrVal)
			}
		}
		if !found {
			t.Errorf("the service %s leads to nobody", s.Name)
		}
	}
}

// check: it selects its own pods, its probes and mounts are there, and nothing in it is
// root's.
func (p pod) check(t *testing.T) {
	t.Helper()
	spec, c := p.template.Spec, p.template.Spec.Containers[0]
	if !within(p.selector, p.template.Labels) {
		t.Errorf("%s selects %v, and has %v", p.name, p.selector, p.template.Labels)
	}
	for _, probe := range []*corev1.Probe{c.ReadinessProbe, c.LivenessProbe} {
		if probe == nil || probe.HTTPGet == nil {
			t.Errorf("%s lacks a probe", p.name)
			continue
		}
		if _, ok := portOf(c, probe.HTTPGet.Port.StrVal); !ok {
			t.Errorf("%s is probed at port %s", p.name, probe.HTTPGet.Port.StrVal)
		}
	}
	volumes := map[string]bool{}
	for _, v := range spec.Volumes {
		volumes[v.Name] = true
	}
	for _, v := range p.claims {
		volumes[v.Name] = true
	}
	for _, m := range c.VolumeMounts {
		if !volumes[m.Name] {
			t.Errorf("%s mounts %s, which is not there", p.name, m.Name)
		}
	}
	if s := spec.SecurityContext; s == nil || s.RunAsUser == nil || *s.RunAsUser != 65532 || s.RunAsNonRoot == nil || !*s.RunAsNonRoot {
		t.Errorf("%s runs as somebody else", p.name)
	}
	if s := c.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
		t.Errorf("%s may write to its image", p.name)
	}
	if p.name == "sluice-worker" && *spec.TerminationGracePeriodSeconds <= 250 {
		t.Errorf("a worker is killed after %d s, in the middle of a submission", *spec.TerminationGracePeriodSeconds)
	}
	if p.name == "sluice-receiver" && len(p.claims) != 1 {
		t.Error("the spool is not kept")
	}
}

func within(some, all map[string]string) bool {
	for k, v := range some {
		if all[k] != v {
			return false
		}
	}
	return len(some) > 0
}

func portOf(c corev1.Container, name string) (int32, bool) {
	for _, p := range c.Ports {
		if p.Name == name {
			return p.ContainerPort, true
		}
	}
	return 0, false
}
