import { withoutCredentials } from '@coupon/servers';
import { labelled } from '../cli/screen';
import type { Endpoints } from '../platform/endpoints';

/** The addresses for a person. Credentials are in the endpoints file only. */
export function describeEndpoints(endpoints: Endpoints): string[] {
  const app = (label: string, http: string, grpc?: string): string =>
    labelled(label, `${http}${grpc === undefined || grpc === '' ? '' : `   gRPC ${grpc}`}`);
  const gateways = endpoints.gateways ?? [{ http: endpoints.gateway_http, grpc: endpoints.gateway_grpc }];
  return [
    ...gateways.map(({ http, grpc }) => app('gateway', http, grpc)),
    app('admin', endpoints.admin_http, endpoints.admin_grpc),
    app('saga', endpoints.saga_http, endpoints.saga_grpc),
    app('worker', endpoints.worker_http),
    labelled(
      'servers',
      [endpoints.mysql_url, endpoints.redis_url, endpoints.amqp_url, endpoints.dtm_url]
        .flatMap((url) => (url === undefined ? [] : [withoutCredentials(url)]))
        .join('   '),
    ),
    labelled('details', '.run/endpoints.json'),
  ];
}
