"""The Helm chart of the example container package: one Deployment, one Service, one Secret."""

from __future__ import annotations

from examples.packages.content import slug

CHART_YAML = """\
apiVersion: v1
name: {name}
version: "{version}"
appVersion: "{version}"
description: Chart of {name}
"""

VALUES = """\
global:
  mepagent:
    enabled: false
    configmapname: {name}-mep-agent
  namespace:
    enabled: false
appconfig:
  appnamespace: default
  aksk:
    secretname: {name}-mep
    accesskey: ""
    secretkey: ""
    appInsId: ""
serviceconfig:
  - servicename: {name}-service
    port: 8080
    version: "1.10"
    protocol: HTTP
    appnamespace: default
imagelocation:
  domainname: registry.example
  project: edge
"""

WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: {{{{ .Values.appconfig.appnamespace }}}}
  labels:
    app: {name}
spec:
  replicas: 1
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      containers:
        - name: {name}
          image: "{{{{ .Values.imagelocation.domainname }}}}/{{{{ .Values.imagelocation.project }}}}/{name}:{version}"
          imagePullPolicy: IfNotPresent
          ports:
            - containerPort: 8080
          resources:
            requests:
              cpu: 250m
              memory: 256Mi
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: {{{{ .Values.appconfig.appnamespace }}}}
  labels:
    svc: {name}
spec:
  type: ClusterIP
  ports:
    - port: 8080
      targetPort: 8080
      protocol: TCP
  selector:
    app: {name}
"""  # noqa: E501

CREDENTIALS = """\
{{- if .Values.global.mepagent.enabled }}
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Values.appconfig.aksk.secretname }}
  namespace: {{ .Values.appconfig.appnamespace }}
type: Opaque
stringData:
  accesskey: {{ quote .Values.appconfig.aksk.accesskey }}
  secretkey: {{ quote .Values.appconfig.aksk.secretkey }}
  appInsId: {{ quote .Values.appconfig.aksk.appInsId }}
{{- end }}
"""


def chart_files(name: str, version: str) -> dict[str, bytes]:
    """The files of the chart, below its own folder."""
    short = slug(name)
    texts = {
        "Chart.yaml": CHART_YAML.format(name=short, version=version),
        "values.yaml": VALUES.format(name=short),
        f"templates/{short}.yaml": WORKLOAD.format(name=short, version=version),
        "templates/eg_template/mep-agent-secret.yaml": CREDENTIALS,
    }
    return {f"{short}/{path}": text.encode() for path, text in texts.items()}
