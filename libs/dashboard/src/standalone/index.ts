/** Entry `@nestjs-asynq/dashboard/standalone`: the dashboard without an app around it, for the command line. */
export { type DashboardServer, startDashboard, type StandaloneOptions } from './start-dashboard.js';
export type { DashboardConnection } from '../connection.js';
export type { ActionListener, DashboardAction } from '../actions/audit.js';
export type { DashboardOptions } from '../options.js';
export type { Login } from './login.js';
export type * from '../signature-types.js';
