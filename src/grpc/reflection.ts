/**
 * Server reflection, v1 and its predecessor v1alpha, which differ in the package name only. It answers from the
 * descriptors that the build made, so that no .proto file is read when the server runs, and under the same
 * back-pressure as every other stream.
 */
import { descriptors, grpc } from '../proto/aichain.js';
import { GRPC } from '../service/status.ts';
import { duplex, type Method } from './method.ts';

const { ServerReflectionRequest, ServerReflectionResponse } = grpc.reflection.v1;

export function reflectionService(services: readonly string[]): Record<string, Method> {
  return {
    ServerReflectionInfo: duplex(
      { request: ServerReflectionRequest, response: ServerReflectionResponse },
      (request) => ({ validHost: request.host, originalRequest: request, ...answer(request, services) }),
    ),
  };
}

function answer(
  request: grpc.reflection.v1.ServerReflectionRequest,
  services: readonly string[],
): Partial<grpc.reflection.v1.ServerReflectionResponse.$Properties> {
  if (request.listServices !== null) {
    return { listServicesResponse: { service: services.map((name) => ({ name })) } };
  }
  if (request.fileByFilename !== null) return files(request.fileByFilename);
  if (request.fileContainingSymbol !== null) {
    const { symbols } = descriptors;
    const symbol = request.fileContainingSymbol;
    return files(Object.hasOwn(symbols, symbol) ? symbols[symbol] : undefined);
  }
  if (request.allExtensionNumbersOfType !== null) {
    // proto3 files declare no extensions.
    const type = request.allExtensionNumbersOfType;
    return Object.hasOwn(descriptors.symbols, type)
      ? { allExtensionNumbersResponse: { baseTypeName: type } }
      : missing();
  }
  return missing();
}

/** A file and everything it imports, the file first. */
function files(name: string | undefined): Partial<grpc.reflection.v1.ServerReflectionResponse.$Properties> {
  if (name === undefined || !Object.hasOwn(descriptors.files, name)) return missing();
  const found = new Set<string>([name]);
  for (const file of found) {
    for (const imported of descriptors.files[file]!.imports) found.add(imported);
  }
  const protos = [...found].map((file) => Buffer.from(descriptors.files[file]!.proto, 'base64'));
  return { fileDescriptorResponse: { fileDescriptorProto: protos } };
}

function missing(): Partial<grpc.reflection.v1.ServerReflectionResponse.$Properties> {
  return { errorResponse: { errorCode: GRPC.NOT_FOUND, errorMessage: 'not found' } };
}
