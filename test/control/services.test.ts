// What: the generated method table is what the proto files say, and each service has a handler for each method.

import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import * as generated from '../../src/generated/services.ts';

const folder = new URL('../../proto/tsswitch/v1/', import.meta.url).pathname;
const root = new protobuf.Root();
root.resolvePath = (_origin, target) => resolve(folder, '../..', target);
root.loadSync(readdirSync(folder).map((name) => join(folder, name)));
const namespace = root.lookup('tsswitch.v1') as protobuf.Namespace;
const services = namespace.nestedArray.filter((item) => item instanceof protobuf.Service);
const table = generated as unknown as Record<string, Record<string, generated.AnyMethod>>;

it('has all services', () => {
  expect(services.map(({ name }) => name).sort()).toEqual(
    Object.keys(table)
      .filter((name) => name.endsWith('Service'))
      .sort(),
  );
});

describe.each(services)('$name', (service) => {
  it('has all methods with their paths and streams', () => {
    const expected = service.methodsArray.map((method) => [
      method.name[0]!.toLowerCase() + method.name.slice(1),
      `/tsswitch.v1.${service.name}/${method.name}`,
      method.requestStream ?? false,
      method.responseStream ?? false,
    ]);
    const found = Object.entries(table[service.name]!).map(([name, method]) => [
      name,
      method.path,
      method.requestStream,
      method.responseStream,
    ]);
    expect(found).toEqual(expected);
  });

  it('names requests and responses after the method', () => {
    for (const { name, requestType, responseType } of service.methodsArray) {
      expect([requestType, responseType]).toEqual([`${name}Request`, `${name}Response`]);
    }
  });
});

it('gives enumerations a zero value that means unspecified, with the name of the enumeration in front', () => {
  const enumerations = namespace.nestedArray.filter((item) => item instanceof protobuf.Enum);
  expect(enumerations.length).toBeGreaterThan(0);
  for (const { name, values } of enumerations) {
    const prefix = `${name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}_`;
    expect(values[`${prefix}UNSPECIFIED`]).toBe(0);
    for (const value of Object.keys(values)) expect(value.startsWith(prefix), value).toBe(true);
  }
});

it('carries 64-bit numbers as numbers', () => {
  const { responseSerialize, responseDeserialize } = generated.StatsService.getDatapathStats;
  const stats = { cacheHits: 2 ** 53 - 1, cacheMisses: 2 ** 32, copies: 0 };
  expect({ ...responseDeserialize(responseSerialize(stats)), copies: 0 }).toEqual(stats);
});
