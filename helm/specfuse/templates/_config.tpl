{{/* The coordinator's configuration. */}}

{{/* A value in TOML: what JSON says, but for tables. Whole numbers stay whole, which helm's own toToml makes fractions of. */}}
{{- define "specfuse.toml" -}}
{{- if kindIs "map" . -}}
{ {{- range $i, $key := keys . | sortAlpha }}{{ if $i }}, {{ end }}{{ toJson $key }} = {{ include "specfuse.toml" (get $ $key) }}{{ end -}} }
{{- else if kindIs "slice" . -}}
[{{ range $i, $value := . }}{{ if $i }}, {{ end }}{{ include "specfuse.toml" $value }}{{ end }}]
{{- else -}}
{{ toJson . }}
{{- end -}}
{{- end -}}

{{/* The names of all members. */}}
{{- define "specfuse.memberNames" -}}
{{- $names := list -}}
{{- range .Values.members }}{{ $names = append $names .name }}{{ end -}}
{{ toJson $names }}
{{- end -}}

{{/* Whether the members are the five bundled models, for which settings have been chosen. */}}
{{- define "specfuse.allBundled" -}}
{{- $bundled := list -}}
{{- range .Values.members }}{{ if eq .name (.model.bundled | default "") }}{{ $bundled = append $bundled .name }}{{ end }}{{ end -}}
{{- $five := list "abacus-llama" "calendar-qwen2" "clock-glm4" "sorter-gemma2" "speller-mistral" -}}
{{- if eq (toJson (sortAlpha $bundled)) (toJson $five) }}{{ if eq (len .Values.members) 5 }}true{{ end }}{{ end -}}
{{- end -}}

{{/* The tables of ensembles. */}}
{{- define "specfuse.ensembles" -}}
{{- $all := include "specfuse.memberNames" . -}}
{{- range $name, $ensemble := .Values.ensembles }}
[ensembles.{{ toJson $name }}]
{{- if not $ensemble.members }}
members = {{ $all }}
{{- end }}
{{- range $key := keys $ensemble | sortAlpha }}
{{ $key }} = {{ include "specfuse.toml" (get $ensemble $key) }}
{{- end }}
{{ else }}
[ensembles.default]
members = {{ $all }}
{{- if include "specfuse.allBundled" . }}
{{- $settings := regexReplaceAll "(?m)^#.*\n" (.Files.Get "files/ensemble.toml") "" }}
{{ regexReplaceAll "(?m)^\\[strategies" $settings "[ensembles.default.strategies" | trim }}
{{- end }}
{{ end }}
{{- end -}}
