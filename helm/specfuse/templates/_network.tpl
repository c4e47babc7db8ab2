{{/* Rules of network policies. */}}

{{/* Takes the root: monitoring may read metrics. The kubelet's probes come from the node, which no policy stops. */}}
{{- define "specfuse.fromMonitoring" -}}
- from:
    - namespaceSelector:
        matchExpressions:
          - key: kubernetes.io/metadata.name
            operator: In
            values:
              {{- toYaml .Values.networkPolicy.monitoringNamespaces | nindent 14 }}
  ports:
    - port: 9090
{{- end -}}

{{/* Takes the root: what both servers call. */}}
{{- define "specfuse.toEveryone" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- if .Values.etcd.enabled }}
- to:
    - podSelector:
        matchLabels:
          {{- include "specfuse.selectorLabels" (list . "etcd") | nindent 10 }}
  ports:
    - port: 2379
{{- else }}
- ports:
    {{- $ports := list }}
    {{- range .Values.etcd.endpoints }}{{ $ports = append $ports (regexFind "[0-9]+$" .) }}{{ end }}
    {{- range uniq $ports }}
    - port: {{ . }}
    {{- end }}
{{- end }}
{{- with .Values.telemetry.otlpEndpoint }}
- ports:
    - port: {{ regexFind ":[0-9]+" . | trimPrefix ":" | default (ternary "443" "80" (hasPrefix "https" .)) }}
{{- end }}
{{- with .Values.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}
