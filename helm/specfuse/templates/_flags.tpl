{{/* Flags that the chart gives, and the value that each comes from: what extraArgs must not repeat. */}}

{{- define "specfuse.flagsOfBoth" -}}
admin: ports that are the chart's
discovery: etcd.endpoints
cluster: the release's name
discovery-ca: etcd.tls.secretName or tls.mode
discovery-cert: etcd.tls.secretName or tls.mode
discovery-key: etcd.tls.secretName or tls.mode
discovery-password-file: etcd.passwordSecret
log: telemetry.log
log-format: telemetry.logFormat
otlp-endpoint: telemetry.otlpEndpoint
otlp-ca: telemetry.otlpCaSecret
trace-ratio: telemetry.traceRatio
{{- end -}}

{{- define "specfuse.coordinatorFlags" -}}
{{ include "specfuse.flagsOfBoth" . }}
config: coordinator.config or ensembles
worker-ca: tls.mode
worker-cert: tls.mode
worker-key: tls.mode
tls-cert: tls.public
tls-key: tls.public
api-keys: coordinator.apiKeys
{{- end -}}

{{- define "specfuse.workerFlags" -}}
{{ include "specfuse.flagsOfBoth" . }}
model: model of the member
name: name of the member
listen: ports that are the chart's
advertise: the release's name
device: device
dtype: dtype
quantize: quantize
cache-memory: cacheMemory
threads: threads
shutdown-grace: the timeouts of ensembles
tls-cert: tls.mode
tls-key: tls.mode
tls-client-ca: tls.mode
{{- end -}}

{{/* Takes [what has them, extraArgs, the flags of the chart]: fails where one is repeated. */}}
{{- define "specfuse.checkExtraArgs" -}}
{{- $flags := index . 2 | fromYaml -}}
{{- $where := index . 0 -}}
{{- range index . 1 -}}
{{- $flag := trimPrefix "--" . | splitList "=" | first -}}
{{- if hasKey $flags $flag -}}
{{- fail (printf "%s.extraArgs: the chart itself gives --%s: it comes from %s" $where $flag (get $flags $flag)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
