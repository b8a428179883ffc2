#!/bin/sh
# Two sites to try weir with: nginx serves one, Python's http.server the other,
# weir stands before both on http://one.localhost:8000/ and
# http://two.localhost:8000/.  Ctrl-C ends all three.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
weir=${WEIR:-$top/build/weir}
nginx='' python='' proxy=''
umask 022
dir=$(mktemp -d)
trap 'kill $nginx $python $proxy 2>/dev/null || :; wait; rm -rf "$dir"' EXIT
trap 'exit 0' INT TERM
chmod 755 "$dir"    # nginx reads it as another user
mkdir "$dir/one" "$dir/two"
echo '<!doctype html><title>one</title><h1>one.localhost, from nginx</h1>' > "$dir/one/index.html"
echo '<!doctype html><title>two</title><h1>two.localhost, from Python</h1>' > "$dir/two/index.html"
cat > "$dir/nginx.conf" <<CONF
daemon off; pid $dir/nginx.pid; error_log stderr; worker_processes 1;
events { }
http { access_log off;
  client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f;
  uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
  server { listen 127.0.0.1:8001; root $dir/one; } }
CONF
PATH=$PATH:/usr/sbin
nginx -e stderr -c "$dir/nginx.conf" &
nginx=$!
python3 -m http.server 8002 --bind 127.0.0.1 --directory "$dir/two" &
python=$!
"$weir" -c "$top/etc/examples/two-sites.ini" &
proxy=$!
echo "http://one.localhost:8000/ and http://two.localhost:8000/ - Ctrl-C ends"
wait $proxy
