/**
 * Who may import whom (DESIGN: "libs" table). Each library has a type of its own, each app a scope of its own; nothing imports an app.
 * A lib appears in an app's list only because the app uses it.
 */
const libs = {
  'type:domain': [],
  'type:discount': ['type:domain'],
  'type:lua': ['type:domain'],
  'type:cache': ['type:domain', 'type:lua'],
  'type:cache-bus': ['type:domain', 'type:contracts', 'type:messaging', 'type:cache'],
  'type:read-models': ['type:domain', 'type:lua', 'type:cache', 'type:cache-bus', 'type:persistence'],
  'type:contracts': ['type:domain'],
  'type:persistence': ['type:domain'],
  'type:messaging': ['type:domain', 'type:contracts'],
  'type:flow-control': ['type:domain', 'type:lua'],
  'type:saga': ['type:domain', 'type:contracts'],
  'type:service-kit': ['type:domain'],
  'type:testing': [
    'type:domain',
    'type:lua',
    'type:contracts',
    'type:persistence',
    'type:messaging',
    'type:service-kit',
    'type:testing',
    'type:tool',
  ],
  'type:app': [
    'type:domain',
    'type:discount',
    'type:lua',
    'type:cache',
    'type:cache-bus',
    'type:read-models',
    'type:contracts',
    'type:persistence',
    'type:messaging',
    'type:flow-control',
    'type:saga',
    'type:service-kit',
  ],
  'type:tool': [
    'type:tool',
    'type:domain',
    'type:discount',
    'type:lua',
    'type:cache',
    'type:read-models',
    'type:contracts',
    'type:persistence',
    'type:messaging',
    'type:saga',
    'type:testing',
  ],
};

const scopes = [
  { sourceTag: 'scope:shared', onlyDependOnLibsWithTags: ['scope:shared', 'scope:tools'] },
  { sourceTag: 'scope:admin', onlyDependOnLibsWithTags: ['scope:shared', 'scope:admin'] },
  {
    sourceTag: 'scope:gateway',
    onlyDependOnLibsWithTags: ['scope:shared', 'scope:gateway'],
    // The broker is for the bus of its cache only: no claim goes over it.
    notDependOnLibsWithTags: ['type:persistence'],
  },
  { sourceTag: 'scope:worker', onlyDependOnLibsWithTags: ['scope:shared', 'scope:worker'] },
  { sourceTag: 'scope:saga', onlyDependOnLibsWithTags: ['scope:shared', 'scope:saga'] },
  { sourceTag: 'scope:tools', onlyDependOnLibsWithTags: ['scope:shared', 'scope:tools'] },
];

const types = (extra) =>
  Object.entries(libs).map(([sourceTag, allowed]) => ({
    sourceTag,
    onlyDependOnLibsWithTags: [...new Set([...allowed, ...extra, sourceTag])],
  }));

export const depConstraints = [...types([]), ...scopes];

/** Tests may use the testing library (and through it the servers) on top of what their project may use. */
export const testDepConstraints = [
  ...types(['type:testing', 'type:lua', 'type:persistence', 'type:messaging', 'type:contracts']),
  ...scopes.map(({ notDependOnLibsWithTags: _, ...s }) => ({
    ...s,
    onlyDependOnLibsWithTags: [...s.onlyDependOnLibsWithTags, 'scope:tools'],
  })),
];
