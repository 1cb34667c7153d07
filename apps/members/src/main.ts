import 'reflect-metadata';
import { describeApp, explainBootFailure, startApp } from './start-app.js';

try {
  const app = await startApp();
  console.log(`members: ${await describeApp(app)}`);
} catch (error) {
  console.error(explainBootFailure(error));
  process.exit(1);
}
