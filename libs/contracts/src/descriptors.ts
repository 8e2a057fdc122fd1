import { descriptorSetBase64 } from './generated/descriptors';

/** Serialized google.protobuf.FileDescriptorSet of everything in proto/, for server reflection. */
export function descriptorSet(): Uint8Array {
  return Buffer.from(descriptorSetBase64, 'base64');
}
