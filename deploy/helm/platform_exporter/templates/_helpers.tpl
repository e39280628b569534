{{- define "fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name -}}
{{- end -}}
{{- end }}

{{- define "selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "labels" -}}
{{ include "selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "metadata" -}}
name: {{ include "fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "labels" . | nindent 2 }}
{{- end }}

{{- define "serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end }}

{{- /* Name of the object of a file of the bundle: that of a pack may have underscores. */ -}}
{{- define "objectOf" -}}
{{- printf "%s-%s" (include "fullname" .root) (regexReplaceAll "[^a-z0-9]" (lower .name) "-") -}}
{{- end }}
