/** The name and the version of this package, under which its spans appear; a spec compares them with `package.json`. */
export const PACKAGE_NAME = '@nestjs-asynq/core';
export const PACKAGE_VERSION = '0.1.0';
