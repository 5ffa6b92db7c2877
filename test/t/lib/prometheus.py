# Test code: parses a text in Prometheus' format on standard input by Prometheus' own parser, and prints it as JSON. With
# names of YAML files, it prints their contents as JSON.
import json
import sys

import yaml
from prometheus_client.parser import text_fd_to_metric_families

if len(sys.argv) > 1:
    print(json.dumps([yaml.safe_load(open(name)) for name in sys.argv[1:]]))
else:
    families = text_fd_to_metric_families(sys.stdin)
    print(json.dumps([{'name': family.name, 'type': family.type, 'help': family.documentation,
                       'samples': [[sample.name, sample.labels, sample.value] for sample in family.samples]}
                      for family in families]))
