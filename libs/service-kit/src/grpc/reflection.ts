import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { service as healthService } from 'grpc-health-check';

/** Server reflection (v1 and v1alpha) of `services` and grpc.health.v1, from descriptors, without `.proto` files of ours at run time. */
export function addReflection(
  server: Pick<Server, 'addService'>,
  descriptorSet: Uint8Array,
  services: readonly string[],
): void {
  const health = Object.values(healthService).flatMap(({ requestType }) => requestType.fileDescriptorProtos);
  // ReflectionService only reads `fileDescriptorProtos` of the package definition it is given.
  const definition = {
    format: 'Protocol Buffer 3 DescriptorProto',
    type: {},
    fileDescriptorProtos: [...filesOf(descriptorSet), ...health],
  };
  new ReflectionService({ descriptors: definition } as ConstructorParameters<typeof ReflectionService>[0], {
    services: [...services, 'grpc.health.v1.Health'],
  }).addToServer(server);
}

/** FileDescriptorSet has one field: `repeated FileDescriptorProto file = 1`. */
function filesOf(descriptorSet: Uint8Array): Buffer[] {
  const reader = new BinaryReader(descriptorSet);
  const files: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) files.push(Buffer.from(reader.bytes()));
    else reader.skip(wireType);
  }
  return files;
}
