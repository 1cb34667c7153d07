/** The SDK of OpenTelemetry that suites share with the specs of the core; apart, since few need it. */
export {
  idsOf,
  mentions,
  type RecordedSpans,
  recordSpans,
  ties,
} from '../../libs/core/dist/test-support/recorded-spans.js';
