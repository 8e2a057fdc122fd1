import type { ClientAddresses } from '../client-address';
import { purchase } from '../purchase';
import type { PurchaseDependencies } from '../purchase';
import type { LaneConnection } from './lane-connection';
import type { PlainHead } from './plain-request';

/** A plain request is a purchase like any other. */
export function servePlain(
  deps: PurchaseDependencies & { readonly addresses: ClientAddresses },
  head: PlainHead,
  text: string,
  connection: LaneConnection,
): void {
  purchase(
    deps,
    {
      contentType: head.contentType,
      idempotencyKey: head.idempotencyKey,
      body: { text },
      address: deps.addresses.of(connection.remoteAddress, head.forwardedFor),
      authorization: head.authorization,
      purchaseToken: head.purchaseToken,
      credentials: () => ({ authorization: head.authorization, peerAddress: connection.remoteAddress }),
    },
    connection,
  );
}
