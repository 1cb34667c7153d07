import 'reflect-metadata';

export type { AccessAnswer, AccessRule } from './access/access-rule.js';
export type { Access } from './access/viewer.js';
export type { ActionListener, DashboardAction } from './actions/audit.js';
export type { ActionName, Right } from './api/access.js';
export type { EnvironmentBadge } from './api/page-config.js';
export { AsynqDashboardModule } from './nest/dashboard.module.js';
export type { DashboardModuleAsyncOptions, DashboardModuleOptions, DashboardMount } from './nest/dashboard.options.js';
export { UnguardedDashboardError } from './nest/unguarded-dashboard.error.js';
export type { DashboardOptions, Formatters } from './options.js';
export type { Formatter } from './redaction/content.js';
export type { LinkedTask, TaskLink, TaskLinks } from './reads/task-links.js';

export type * from './signature-types.js';
