{{/* Names and labels. */}}

{{/* 40 characters: what is appended must fit into a label of DNS. Services' names have no dots, and begin with a letter. */}}
{{- define "specfuse.fullname" -}}
{{- $name := replace "." "-" .Release.Name -}}
{{- if not (contains "specfuse" $name) }}{{ $name = printf "%s-specfuse" $name }}{{ end -}}
{{- if regexMatch "^[0-9]" $name }}{{ $name = printf "specfuse-%s" $name }}{{ end -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Takes [root, component]. Also a StatefulSet's claims have these, which nothing may change: no version here. */}}
{{- define "specfuse.selectorLabels" -}}
app.kubernetes.io/name: specfuse
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Takes [root, component]. */}}
{{- define "specfuse.labels" -}}
{{- $root := index . 0 -}}
{{ include "specfuse.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Takes [root, name]. A name may have a digest, which stands behind the tag. */}}
{{- define "specfuse.image" -}}
{{- $image := (index . 0).Values.image -}}
{{- $parts := splitList "@" (index . 1) -}}
{{- if $image.registry }}{{ $image.registry }}/{{ end }}{{ first $parts }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}
{{- range rest $parts }}@{{ . }}{{ end }}
{{- end -}}

{{- define "specfuse.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "specfuse.fullname" .) -}}
{{- end -}}

{{/* The headless service that gives each worker its name. */}}
{{- define "specfuse.workerDomain" -}}
{{ include "specfuse.fullname" . }}-workers.{{ .Release.Namespace }}.svc
{{- end -}}

{{- define "specfuse.coordinatorHost" -}}
{{ include "specfuse.fullname" . }}-coordinator.{{ .Release.Namespace }}.svc
{{- end -}}

{{/* What coordinators and workers of this release call themselves in etcd, which others may share. At most 64 characters. */}}
{{- define "specfuse.cluster" -}}
{{- $name := printf "%s.%s" .Release.Namespace (include "specfuse.fullname" .) -}}
{{- if gt (len $name) 64 }}{{ sha256sum $name | trunc 32 }}{{ else }}{{ $name }}{{ end -}}
{{- end -}}
