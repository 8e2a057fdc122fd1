export { startServers } from './start-servers';
export type { StartServersOptions } from './start-servers';
export { OWN_PROCESS_SOURCES, SERVER_KINDS, SERVER_SOURCES, ServerUnavailableError } from './types';
export type {
  PlatformServerKind,
  RunningServers,
  ServerAddresses,
  ServerEndpoint,
  ServerFlavour,
  ServerHandle,
  ServerIdentity,
  ServerKind,
  ServerSource,
} from './types';
export { Supervisor } from './supervisor/supervisor';
export type { ProcessExit, ProcessSpec, SupervisedProcess } from './supervisor/supervisor';
export { PortAllocator, portIsFree } from './ports';
export { pollUntil } from './poll';
export { withoutCredentials } from './urls';
export { engineAnswers, imageIsPresent, pullImage } from './container-engine';
export { unpackPackages, unpackTree } from './debian/unpacked-tree';
export type { UnpackRequest } from './debian/unpacked-tree';
export { buildDtm } from './dtm/build-dtm';
export { sourceHash as dtmSourceHash } from './dtm/dtm-source';
export { exec } from './exec';
export type { ExecOptions, ExecResult } from './exec';
export { startPrivateEngine } from './engine/private-engine';
export type { PrivateEngine, PrivateEngineOptions } from './engine/private-engine';
