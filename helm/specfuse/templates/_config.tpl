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

{{/* Takes a duration such as 1m30s: its seconds, rounded up. */}}
{{- define "specfuse.seconds" -}}
{{- $seconds := ternary 1 0 (contains "ms" .) -}}
{{- range regexFindAll "[0-9]+[a-z]+" . -1 -}}
{{- $unit := get (dict "ms" 0 "s" 1 "m" 60 "h" 3600) (regexFind "[a-z]+" .) -}}
{{- $seconds = add $seconds (mul (regexFind "[0-9]+" . | int) $unit) -}}
{{- end -}}
{{ $seconds }}
{{- end -}}

{{/* How many seconds a worker's call may take: the longest timeout of any ensemble. */}}
{{- define "specfuse.longestCall" -}}
{{- $longest := 1 -}}
{{- range .Values.ensembles | default (dict "default" dict) -}}
{{- $timeouts := list (.draft_timeout | default "30s") (.score_timeout | default "30s") (.answer_timeout | default "2m") -}}
{{- range $timeouts }}{{ $longest = max $longest (include "specfuse.seconds" . | int) }}{{ end -}}
{{- end -}}
{{ $longest }}
{{- end -}}
