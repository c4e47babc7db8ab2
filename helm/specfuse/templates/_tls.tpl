{{/* Which secrets hold whose certificates, and where etcd is. */}}

{{/* Takes [root, "coordinator", "worker" or "etcd"]: the secret with its tls.crt, tls.key and ca.crt; nothing where parts speak plaintext. */}}
{{- define "specfuse.partSecret" -}}
{{- $root := index . 0 -}}
{{- if eq $root.Values.tls.mode "certManager" -}}
{{ include "specfuse.fullname" $root }}-{{ index . 1 }}-tls
{{- else if eq $root.Values.tls.mode "secrets" -}}
{{ get $root.Values.tls.secrets (index . 1) }}
{{- end -}}
{{- end -}}

{{/* Takes the root: the secret of the public port; nothing where that speaks plaintext. */}}
{{- define "specfuse.publicSecret" -}}
{{- if .Values.tls.public.enabled -}}
{{ .Values.tls.public.secretName | default (printf "%s-public-tls" (include "specfuse.fullname" .)) }}
{{- end -}}
{{- end -}}

{{/* Takes the root: whether certificates are asked of an authority of our own. */}}
{{- define "specfuse.ownAuthority" -}}
{{- if and (eq .Values.tls.mode "certManager") (not .Values.tls.certManager.issuerRef.name) }}true{{ end -}}
{{- end -}}

{{/* Takes [root, certificate's name, usages, names]: the spec of a certificate. */}}
{{- define "specfuse.certificateSpec" -}}
{{- $root := index . 0 -}}
{{- $manager := $root.Values.tls.certManager -}}
secretName: {{ index . 1 | quote }}
duration: {{ $manager.duration }}
renewBefore: {{ $manager.renewBefore }}
privateKey:
  algorithm: ECDSA
  size: 256
  rotationPolicy: Always
usages:
  - digital signature
  {{- range index . 2 }}
  - {{ . }}
  {{- end }}
dnsNames:
  {{- range index . 3 }}
  - {{ . | quote }}
  {{- end }}
issuerRef:
  {{- if include "specfuse.ownAuthority" $root }}
  name: {{ include "specfuse.fullname" $root }}-ca
  kind: Issuer
  group: cert-manager.io
  {{- else }}
  {{- toYaml $manager.issuerRef | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "specfuse.etcdHost" -}}
{{ include "specfuse.fullname" . }}-etcd.{{ .Release.Namespace }}.svc
{{- end -}}

{{/* For --discovery. */}}
{{- define "specfuse.discovery" -}}
etcd://{{ with .Values.etcd.username }}{{ . }}@{{ end }}
{{- if .Values.etcd.enabled }}{{ include "specfuse.etcdHost" . }}:2379{{ else }}{{ join "," .Values.etcd.endpoints }}{{ end }}
{{- end -}}

{{/* Our own etcd has its certificates from where the other parts have theirs; another one has its own secret. */}}
{{- define "specfuse.discoveryTlsArgs" -}}
{{- $folder := "" -}}
{{- $shown := true -}}
{{- if not .Values.etcd.enabled -}}
{{- $folder = ternary "/etc/specfuse/etcd" "" (ne .Values.etcd.tls.secretName "") -}}
{{- $shown = .Values.etcd.tls.clientCertificate -}}
{{- else if include "specfuse.partSecret" (list . "etcd") -}}
{{- $folder = "/etc/specfuse/tls" -}}
{{- end -}}
{{- if $folder }}
- --discovery-ca={{ $folder }}/ca.crt
{{- if $shown }}
- --discovery-cert={{ $folder }}/tls.crt
- --discovery-key={{ $folder }}/tls.key
{{- end }}
{{- end }}
{{- end -}}
