/** Names and texts that break pages which build addresses or HTML from them. */
export const HOSTILE = {
  queue: '../a%2Fb?c#d&<img src=x onerror=alert(1)>',
  id: '../<script>alert(2)</script>/%00?x=1#y',
  type: '"><svg onload=alert(3)>',
  payload:
    '{"html":"<script>alert(4)</script>","url":"javascript:alert(5)","big":12345678901234567890,"same":1,"same":2}',
  header: '<b>javascript:alert(6)</b>',
  error: '</pre><script>alert(7)</script>\n<iframe src="javascript:alert(8)">',
  result: '</script><img src=x onerror=alert(9)>',
  group: '<a href="javascript:alert(10)">../group</a>',
  server: '<img src=x onerror=alert(11)>.example',
  schedule: '"><script>alert(12)</script>{{13}}',
} as const;
