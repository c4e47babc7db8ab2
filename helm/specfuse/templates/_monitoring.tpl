{{/* Alerts, with where to read on. */}}

{{/* Takes [root, file]: its groups, each alert of which says where its runbook is. Prometheus's own templates pass as they are. */}}
{{- define "specfuse.ruleGroups" -}}
{{- $root := index . 0 -}}
{{- $file := $root.Files.Get (index . 1) | fromYaml -}}
{{- if $file.Error }}{{ fail (printf "%s: %s" (index . 1) $file.Error) }}{{ end -}}
{{- $url := $root.Values.monitoring.runbookUrl -}}
{{- range $group := $file.groups -}}
{{- range $rule := $group.rules -}}
{{- if $rule.alert -}}
{{- $annotations := $rule.annotations | default dict -}}
{{- $key := ternary "runbook_url" "runbook" (ne $url "") -}}
{{- $_ := set $annotations $key (printf "%s#%s" ($url | default "docs/alerts.md") (lower $rule.alert)) -}}
{{- $_ := set $rule "annotations" $annotations -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{ toYaml $file.groups }}
{{- end -}}
