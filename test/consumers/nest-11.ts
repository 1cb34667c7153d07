import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { npm, type PackedPackage } from './packed.js';

/** What the CLI of Nest 11 writes into a new app, as far as it matters to its tests. */
const MANIFEST = {
  name: 'app',
  private: true,
  scripts: { test: 'jest' },
  dependencies: {
    '@nestjs/common': '^11.0.1',
    '@nestjs/core': '^11.0.1',
    '@nestjs/platform-express': '^11.0.1',
    'reflect-metadata': '^0.2.2',
    rxjs: '^7.8.1',
  },
  devDependencies: {
    '@nestjs/testing': '^11.0.1',
    '@types/jest': '^30.0.0',
    '@types/node': '^22.10.7',
    jest: '^30.0.0',
    'ts-jest': '^29.2.5',
    typescript: '^5.7.3',
  },
  jest: {
    moduleFileExtensions: ['js', 'json', 'ts'],
    rootDir: 'src',
    testRegex: String.raw`.*\.spec\.ts$`,
    transform: { [String.raw`^.+\.(t|j)s$`]: 'ts-jest' },
    collectCoverageFrom: ['**/*.(t|j)s'],
    coverageDirectory: '../coverage',
    testEnvironment: 'node',
  },
};

const TSCONFIG = {
  compilerOptions: {
    module: 'nodenext',
    moduleResolution: 'nodenext',
    resolvePackageJsonExports: true,
    esModuleInterop: true,
    isolatedModules: true,
    declaration: true,
    removeComments: true,
    emitDecoratorMetadata: true,
    experimentalDecorators: true,
    allowSyntheticDefaultImports: true,
    target: 'ES2023',
    sourceMap: true,
    outDir: './dist',
    baseUrl: './',
    incremental: true,
    skipLibCheck: true,
    strictNullChecks: true,
    forceConsistentCasingInFileNames: true,
    noImplicitAny: false,
    strictBindCallApply: false,
    noFallthroughCasesInSwitch: false,
  },
};

/** Installs an app of Nest 11 with the packed packages and what they need; `more` are further dependencies. */
export async function nest11(
  app: string,
  packages: readonly PackedPackage[],
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const ours = Object.fromEntries(packages.map(({ name, tarball }) => [name, `file:${tarball}`]));
  const dependencies = {
    ...MANIFEST.dependencies,
    ...ours,
    '@nestjs/platform-fastify': '^11.0.1',
    'class-transformer': '^0.5.1',
    'class-validator': '^0.14.0',
    ioredis: '^5.4.0',
    ...more,
  };
  await writeFile(join(app, 'package.json'), JSON.stringify({ ...MANIFEST, dependencies }));
  await writeFile(join(app, 'tsconfig.json'), JSON.stringify(TSCONFIG));
  // Two versions of a tool in one app want different versions of what is optional to them.
  const several = Object.keys(more).length > 0 ? ['--legacy-peer-deps'] : [];
  await npm(['install', '--ignore-scripts', ...several], app);
}
