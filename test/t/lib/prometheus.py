# Test code: reads a text in Prometheus' format from standard input, parses it by Prometheus' own parser, and prints the result
# as JSON. If the arguments are names of YAML files, the program prints the contents of these files as JSON.
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
