/** The older Endpoints object beside a service's EndpointSlices. Pure. */
import type { Endpoints, Service } from "../../api/gen/core-v1.js";
import type { Endpoint, EndpointSlice } from "../../api/gen/discovery-v1.js";

export const ENDPOINTS_MANAGED_BY_LABEL = "endpoints.kubernetes.io/managed-by";
export const ENDPOINTS_MANAGED_BY = "endpoint-controller";
/** Endpoints of a service without a selector, copied by somebody else. */
const SKIP_MIRROR_LABEL = "endpointslice.kubernetes.io/skip-mirror";

type Subset = NonNullable<Endpoints["subsets"]>[number];

export function planEndpoints(service: Service, slices: readonly EndpointSlice[]): Endpoints {
  const { name = "", namespace, labels } = service.metadata;
  const subsets = slices.map(subset).filter((one) => one !== undefined);
  return {
    metadata: {
      name,
      namespace,
      labels: {
        ...labels,
        [ENDPOINTS_MANAGED_BY_LABEL]: ENDPOINTS_MANAGED_BY,
        [SKIP_MIRROR_LABEL]: "true",
      },
    },
    ...(subsets.length > 0 ? { subsets } : {}),
  };
}

function subset({ endpoints, ports }: EndpointSlice): Subset | undefined {
  // Endpoints know no terminating: what ends is left out, as before slices came.
  const lasting = endpoints.filter(
    ({ conditions }) => !conditions?.terminating || conditions.ready === true,
  );
  const addresses = lasting.filter(({ conditions }) => conditions?.ready === true).map(address);
  const notReadyAddresses = lasting
    .filter(({ conditions }) => conditions?.ready !== true)
    .map(address);
  if (lasting.length === 0) return undefined;
  return {
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
    ports: (ports ?? []).map(({ name, port = 0, protocol }) => ({
      ...(name ? { name } : {}),
      port,
      protocol,
    })),
  };
}

function address(one: Endpoint): NonNullable<Subset["addresses"]>[number] {
  const { hostname, nodeName, targetRef } = one;
  return {
    ip: one.addresses[0] ?? "",
    ...(hostname === undefined ? {} : { hostname }),
    nodeName,
    targetRef,
  };
}
