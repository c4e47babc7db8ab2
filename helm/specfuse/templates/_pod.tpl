{{/* What pods of several components have in common. */}}

{{/* Takes the root. The restricted profile of the pod security standards. */}}
{{- define "specfuse.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
serviceAccountName: {{ include "specfuse.serviceAccountName" . }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "specfuse.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* Takes what has them: nodeSelector, tolerations, affinity. */}}
{{- define "specfuse.scheduling" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Takes [constraints, labels of the pods that are spread]. */}}
{{- define "specfuse.topologySpread" -}}
{{- $labels := index . 1 -}}
{{- with index . 0 }}
topologySpreadConstraints:
  {{- range . }}
  - topologyKey: {{ .topologyKey }}
    maxSkew: {{ .maxSkew | default 1 }}
    whenUnsatisfiable: {{ .whenUnsatisfiable | default "ScheduleAnyway" }}
    labelSelector:
      matchLabels:
        {{- $labels | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Takes the root: environment of both servers. */}}
{{- define "specfuse.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: OTEL_RESOURCE_ATTRIBUTES
  value: k8s.pod.name=$(POD_NAME),k8s.namespace.name=$(POD_NAMESPACE),k8s.node.name=$(NODE_NAME)
{{- end -}}

{{/* Takes the root: flags of both servers. */}}
{{- define "specfuse.args" -}}
- --admin=0.0.0.0:9090
- --discovery={{ include "specfuse.discovery" . }}
- --cluster={{ include "specfuse.cluster" . }}
{{- include "specfuse.discoveryTlsArgs" . }}
{{- if .Values.etcd.username }}
- --discovery-password-file=/etc/specfuse/etcd-password/{{ .Values.etcd.passwordSecret.key }}
{{- end }}
- {{ printf "--log=%s" .Values.telemetry.log | quote }}
- --log-format={{ .Values.telemetry.logFormat }}
{{- with .Values.telemetry.otlpEndpoint }}
- {{ printf "--otlp-endpoint=%s" . | quote }}
- --trace-ratio={{ $.Values.telemetry.traceRatio }}
{{- end }}
{{- if .Values.telemetry.otlpCaSecret }}
- --otlp-ca=/etc/specfuse/otlp/ca.crt
{{- end }}
{{- end -}}

{{/* Takes the root: mounts of both servers. */}}
{{- define "specfuse.mounts" -}}
{{- if include "specfuse.partSecret" (list . "coordinator") }}
- name: tls
  mountPath: /etc/specfuse/tls
  readOnly: true
{{- end }}
{{- if .Values.etcd.tls.secretName }}
- name: etcd-tls
  mountPath: /etc/specfuse/etcd
  readOnly: true
{{- end }}
{{- if .Values.etcd.username }}
- name: etcd-password
  mountPath: /etc/specfuse/etcd-password
  readOnly: true
{{- end }}
{{- if .Values.telemetry.otlpCaSecret }}
- name: otlp
  mountPath: /etc/specfuse/otlp
  readOnly: true
{{- end }}
{{- end -}}

{{/* Takes [root, "coordinator" or "worker"]: volumes of both servers. */}}
{{- define "specfuse.volumes" -}}
{{- $values := (index . 0).Values -}}
{{- with include "specfuse.partSecret" . }}
{{- include "specfuse.secretVolume" (list "tls" .) }}
{{- end }}
{{- with $values.etcd.tls.secretName }}
{{- include "specfuse.secretVolume" (list "etcd-tls" .) }}
{{- end }}
{{- if $values.etcd.username }}
{{- include "specfuse.secretVolume" (list "etcd-password" $values.etcd.passwordSecret.name) }}
{{- end }}
{{- with $values.telemetry.otlpCaSecret }}
{{- include "specfuse.secretVolume" (list "otlp" .) }}
{{- end }}
{{- end -}}

{{/* Takes [volume, secret]. Whole folders: what is mounted by subPath does not follow when a certificate is renewed. */}}
{{- define "specfuse.secretVolume" }}
- name: {{ index . 0 }}
  secret:
    secretName: {{ index . 1 | quote }}
    defaultMode: 0440
{{- end -}}

{{/* Takes [what says that it has started, how long that may take, in seconds]. */}}
{{- define "specfuse.probes" -}}
startupProbe:
  httpGet: {path: {{ index . 0 }}, port: admin}
  periodSeconds: 2
  timeoutSeconds: 3
  failureThreshold: {{ div (add (index . 1 | int) 1) 2 | max 1 }}
readinessProbe:
  httpGet: {path: /readyz, port: admin}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 3
livenessProbe:
  httpGet: {path: /livez, port: admin}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}
