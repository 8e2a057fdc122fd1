/** An image made from Debian packages that stands in for an official one of the same tag. */
export interface ImageDefinition {
  readonly name: 'mysql' | 'redis' | 'rabbitmq' | 'node' | 'dtm';
  readonly tag: string;
  readonly suite: string;
  readonly packages: readonly string[];
  readonly users: readonly { readonly name: string; readonly id: number; readonly home: string }[];
  /** Instructions of a Dockerfile, for `docker import --change`. */
  readonly changes: readonly string[];
}

/** What entrypoints and the scripts of packages take for granted. */
const BASE = [
  'base-files',
  'bash',
  'coreutils',
  'dash',
  'findutils',
  'grep',
  'hostname',
  'libc-bin',
  'sed',
  'util-linux',
];
const PATH = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const COMMON = [PATH, 'ENV LANG=C.UTF-8', 'ENTRYPOINT ["docker-entrypoint.sh"]'];

export const IMAGE_DEFINITIONS: readonly ImageDefinition[] = [
  {
    name: 'mysql',
    tag: 'mysql:8.4',
    suite: 'sid',
    packages: [...BASE, 'mysql-server-core', 'mysql-client-core'],
    users: [{ name: 'mysql', id: 999, home: '/var/lib/mysql' }],
    changes: [...COMMON, 'VOLUME /var/lib/mysql', 'EXPOSE 3306', 'CMD ["mysqld"]'],
  },
  {
    name: 'redis',
    tag: 'redis:8',
    suite: 'trixie',
    packages: [...BASE, 'redis-server'],
    users: [{ name: 'redis', id: 999, home: '/data' }],
    changes: [...COMMON, 'WORKDIR /data', 'VOLUME /data', 'EXPOSE 6379', 'CMD ["redis-server"]'],
  },
  {
    name: 'rabbitmq',
    tag: 'rabbitmq:4-management',
    suite: 'trixie',
    packages: [...BASE, 'rabbitmq-server', 'gawk'],
    users: [{ name: 'rabbitmq', id: 999, home: '/var/lib/rabbitmq' }],
    changes: [
      ...COMMON,
      // The broker's own programs come first: those of the package on PATH insist on a system's user handling.
      'ENV PATH=/usr/lib/rabbitmq/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'ENV HOME=/var/lib/rabbitmq',
      'ENV RABBITMQ_LOGS=-',
      'VOLUME /var/lib/rabbitmq',
      'EXPOSE 4369 5671 5672 15671 15672 15692 25672',
      'CMD ["rabbitmq-server"]',
    ],
  },
  {
    name: 'dtm',
    tag: 'yedf/dtm:1.19',
    suite: 'trixie',
    packages: [...BASE, 'busybox', 'ca-certificates'],
    users: [],
    changes: [...COMMON, 'WORKDIR /app/dtm', 'EXPOSE 36789 36790'],
  },
  {
    name: 'node',
    tag: 'node:24-slim',
    suite: 'trixie',
    packages: [...BASE, 'ca-certificates', 'libatomic1', 'libstdc++6', 'tzdata'],
    users: [{ name: 'node', id: 1000, home: '/home/node' }],
    changes: [...COMMON, 'CMD ["node"]'],
  },
];
