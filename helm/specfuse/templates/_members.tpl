{{/* Members, with all that follows from what is said of them. */}}

{{/* Takes the root: {"members": [...]}, each with every key of `worker` and, worked out: resource (the name of its objects), cuda,
     modelPath. A key of a member stands for the whole one of `worker`, but for the two whose keys are few. */}}
{{- define "specfuse.members" -}}
{{- $root := . -}}
{{- $members := list -}}
{{- range .Values.members -}}
{{- $member := deepCopy $root.Values.worker -}}
{{- range $key, $value := . -}}
{{- if has $key (list "gpu" "hubCache") -}}
{{- range $inner, $value := $value }}{{ $_ := set (get $member $key) $inner $value }}{{ end -}}
{{- else -}}
{{- $_ := set $member $key $value -}}
{{- end -}}
{{- end -}}
{{- $slug := regexReplaceAll "[^a-z0-9]+" (lower .name) "-" -}}
{{/* 52: what a StatefulSet appends for its revisions must fit into a label. */}}
{{- $_ := set $member "resource" (printf "%s-worker-%s" (include "specfuse.fullname" $root) $slug | trunc 52 | trimSuffix "-") -}}
{{- $device := $member.device | default (ternary "cuda" "cpu" (gt (int $member.gpu.count) 0)) -}}
{{- $_ := set $member "device" $device -}}
{{- $_ := set $member "cuda" (hasPrefix "cuda" $device) -}}
{{- $_ := set $member "modelPath" (include "specfuse.modelPath" .model) -}}
{{- $members = append $members $member -}}
{{- end -}}
{{ toJson (dict "members" $members) }}
{{- end -}}

{{/* Takes a model: where it lies in the worker's container. */}}
{{- define "specfuse.modelPath" -}}
{{- if .bundled -}}
/models/{{ .bundled }}
{{- else if .hub -}}
/cache/model
{{- else -}}
{{- $path := (.pvc | default .image).path | default "" -}}
/model{{ if $path }}/{{ $path }}{{ end }}
{{- end -}}
{{- end -}}

{{/* Takes [root, member]: what tells its pods from others. */}}
{{- define "specfuse.memberLabels" -}}
{{ include "specfuse.selectorLabels" (list (index . 0) "worker") }}
specfuse/member: {{ (index . 1).name | quote }}
{{- end -}}

{{/* Takes a member: its resources, with its GPUs where Kubernetes wants them, among the limits. */}}
{{- define "specfuse.workerResources" -}}
{{- $resources := deepCopy .resources -}}
{{- if gt (int .gpu.count) 0 -}}
{{- $_ := set $resources "limits" (set ($resources.limits | default dict) .gpu.vendorKey (int .gpu.count)) -}}
{{- end -}}
{{ toYaml $resources }}
{{- end -}}

{{/* Takes [root, member]. */}}
{{- define "specfuse.workerMounts" -}}
{{- $model := (index . 1).model -}}
{{- if $model.hub }}
- name: cache
  mountPath: /cache
  readOnly: true
{{- else if not $model.bundled }}
- name: model
  mountPath: /model
  readOnly: true
{{- end }}
{{- with include "specfuse.mounts" (index . 0) | trim }}
{{ . }}
{{- end }}
{{- end -}}

{{/* Takes [root, member]. */}}
{{- define "specfuse.workerVolumes" -}}
{{- $member := index . 1 -}}
{{- with $member.model.pvc }}
- name: model
  persistentVolumeClaim:
    claimName: {{ .claimName | quote }}
    readOnly: true
{{- end }}
{{- with $member.model.image }}
- name: model
  image:
    reference: {{ .reference | quote }}
    pullPolicy: IfNotPresent
{{- end }}
{{- if and $member.model.hub (not $member.hubCache.persistent) }}
- name: cache
  emptyDir:
    sizeLimit: {{ $member.hubCache.size }}
{{- end }}
{{- include "specfuse.volumes" (list (index . 0) "worker") }}
{{- end -}}
