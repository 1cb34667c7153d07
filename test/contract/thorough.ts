/**
 * Backends on which a property is tried many times: memory and one Redis run the same code as all others, which differ in
 * the way to the server.
 */
export const isThorough = (backend: string): boolean => backend === 'memory' || backend === 'one Redis';
