package logparse

var serverText = []group{
	{"postfix", "postfix", `
warning: %{text:src_host}[%{ip:src_ip}]%[:%{int:src_port}%]: SASL %{word:auth_method} authentication failed: %{text:reason}, sasl_username=%{rest:user} => outcome=failure
warning: %{text:src_host}[%{ip:src_ip}]%[:%{int:src_port}%]: SASL %{word:auth_method} authentication failed:%[ %{rest:reason}%] => outcome=failure
connect from %{text:src_host}[%{ip:src_ip}]%[:%{int:src_port}%]
disconnect from %{text:src_host}[%{ip:src_ip}]%[:%{int:src_port}%]%[ %{rest:pairs}%]
lost connection after %{text:stage} from %{text:src_host}[%{ip:src_ip}]
NOQUEUE: %{word:action}: %{word:stage} from %{text:src_host}[%{ip:src_ip}]%[:%{int:src_port}%]: %{int:status_code} %{text:reason}; %{rest:pairs} => outcome=failure
%{word:queue_id}: client=%{text:src_host}[%{ip:src_ip}]%[:%{int:src_port}%]%[, %{rest:pairs}%]
%{word:queue_id}: message-id=%{rest:message_id}
%{word:queue_id}: from=<%{text:from}>, size=%{int:size}, nrcpt=%{int:recipients} (%{text:queue})
%{word:queue_id}: to=<%{text:to}>,%[ orig_to=<%{text:orig_to}>,%] relay=%{text:relay},%[ conn_use=%{int:conn_use},%] delay=%{num:delay}, delays=%{text:delays}, dsn=%{text:dsn}, status=%{word:delivery} (%{rest:response}
%{word:queue_id}: removed
warning: %{rest:text} => level=warning`},
	{"dovecot", "dovecot", `
%{text:protocol}-login: %{text:reason}: user=<%{text:user}>, method=%{text:auth_method}, rip=%{ip:src_ip}, lip=%{ip:dst_ip}%[, mpid=%{int:mpid}%]%[, %{text:tls}%], session=<%{text:session}>
%{text:protocol}-login: %{text:reason}: user=<%{text:user}>, method=%{text:auth_method}, rip=%{ip:src_ip}, lip=%{ip:dst_ip}%[, %{rest:tls}%]
%{text:protocol}-login: %{text:reason}: user=<%{text:user}>, rip=%{ip:src_ip}, lip=%{ip:dst_ip}%[, %{rest:tls}%]
%{text:protocol}-login: %{text:reason}: rip=%{ip:src_ip}, lip=%{ip:dst_ip}%[, %{rest:tls}%]
auth%[-worker(%{text:worker})%]: %[Info: %]%{text:driver}(%{text:user},%{ip:src_ip}%[,%{text}%]): %{rest:reason}
%{text:protocol}(%{text:user}): %{rest:text}`},
	{"mailscanner", "mailscanner", `
Message %{word:queue_id} from %{ip:src_ip} (%{text:from}) to %{word:to} is %{text:verdict} (%{text:detail})
Message %{word:queue_id} from %{ip:src_ip} (%{text:from}) to %{word:to} is %{text:verdict}, %{rest:detail}`},
	{"exim", "", `
%{text:time} %{word:authenticator} authenticator failed for %[%{host:src_dns} %]%[(%{text:helo}) %][%{ip:src_ip}]%[:%{int:src_port}%]: %{text:reason}%[ (set_id=%{text:user})%] => outcome=failure
%{text:time} H=%[%{host:src_dns} %]%[(%{text:helo}) %][%{ip:src_ip}]%[:%{int:src_port}%]%[ I=[%{text:dst_address}]%{text}%]%[ X=%{word:tls_cipher}%]%[ CV=%{word:cert_verified}%]%[ A=%{word:auth_method}%] F=<%{text:from}>%[ A=%{text:auth_method}:%{text:user}%] rejected %{word:stage} <%{text:to}>: %{rest:reason} => outcome=failure
%{text:time} H=%[%{host:src_dns} %]%[(%{text:helo}) %][%{ip:src_ip}]%[:%{int:src_port}%]%[ X=%{word:tls_cipher}%]%[ CV=%{word:cert_verified}%] temporarily rejected connection in "%{text:acl}" ACL: "%{text:reason} (%{text:rate_limit})" => outcome=failure
%{text:time} H=%[%{host:src_dns} %]%[(%{text:helo}) %][%{ip:src_ip}]%[:%{int:src_port}%] sender verify fail for <%{text:from}>: %{rest:reason} => outcome=failure
%{text:time} %{word:message_id} <= %{word:from} H=%[%{host:src_dns} %]%[(%{text:helo}) %][%{ip:src_ip}]%[:%{int:src_port}%] %{rest:pairs} => action=received
%{text:time} %{word:message_id} => %{word:to} R=%{word:router} T=%{word:transport}%{rest:pairs} => action=delivered`},
	{"haproxy", "haproxy", `
%{ip:src_ip}:%{int:src_port} [%{text:time}] %{word:frontend} %{text:backend}/%{text:server} %{int:time_request}/%{int:time_queue}/%{int:time_connect}/%{int:time_response}/%{num:duration_ms} %{int:status} %{num:bytes} %{text:request_cookie} %{text:response_cookie} %{word:termination_state} %{int:connections}/%{int:frontend_connections}/%{int:backend_connections}/%{int:server_connections}/%{num:retries} %{int:server_queue}/%{int:backend_queue}%[ {%{text:request_headers}}%]%[ {%{text:response_headers}}%] "%{text:http_request}"%{rest}
%{ip:src_ip}:%{int:src_port} [%{text:time}] %{word:frontend} %{text:backend}/%{text:server} %{int:time_queue}/%{int:time_connect}/%{num:duration_ms} %{num:bytes} %{word:termination_state} %{int:connections}/%{int:frontend_connections}/%{int:backend_connections}/%{int:server_connections}/%{num:retries} %{int:server_queue}/%{int:backend_queue}
%{ip:src_ip}:%{int:src_port} [%{text:time}] %{text:frontend}: %{rest:reason} => outcome=failure
Server %{text:backend}/%{word:server} is %{text:state}%[, reason: %{text:reason}, %{rest}%]%[. %{rest}%]`},
	{"named", "named", `
client %[@%{word} %]%{ip:src_ip}#%{int:src_port}%[ (%{text:query})%]: query: %{word:name} %{word:class} %{word:type} %{word:flags}%[ (%{ip:dst_ip})%]%{rest}
client %[@%{word} %]%{ip:src_ip}#%{int:src_port}%[ (%{text:query})%]: %{rest:text}
zone %{text:zone}: %{rest:text}`},
	{"dnsmasq", "dnsmasq dnsmasq-dhcp", `
query[%{text:type}] %{word:name} from %{ip:src_ip}
reply %{word:name} is %{rest:answer}
cached %{word:name} is %{rest:answer}
forwarded %{word:name} to %{ip:dst_ip}
DHCPACK(%{text:interface}) %{ip:lease_ip} %{word:mac}%[ %{rest:client_name}%] => action=DHCPACK
%{text:action}(%{text:interface}) %[%{ip:lease_ip} %]%{word:mac}%[ %{rest:client_name}%]`},
	{"dhcpd", "dhcpd dhclient kea-dhcp4", `
DHCPACK on %{ip:lease_ip} to %{word:mac}%[ (%{text:client_name})%] via %{rest:interface} => action=DHCPACK
DHCPOFFER on %{ip:lease_ip} to %{word:mac}%[ (%{text:client_name})%] via %{rest:interface} => action=DHCPOFFER
DHCPREQUEST for %{ip:lease_ip}%[ (%{ip:server_ip})%] from %{word:mac}%[ (%{text:client_name})%] via %{rest:interface} => action=DHCPREQUEST
DHCPDISCOVER from %{word:mac}%[ (%{text:client_name})%] via %{rest:interface} => action=DHCPDISCOVER
DHCPRELEASE of %{ip:lease_ip} from %{word:mac}%[ (%{text:client_name})%] via %{rest:interface} => action=DHCPRELEASE`},
	{"kernel", "kernel", `
[%{num:uptime}] EXT4-fs %{word:severity_text} (device %{text:device}): %{rest:text}
Out of memory: Kill%[ed%] process %{int:process} (%{text:process_name})%{rest} => level=error
[%{num:uptime}] Out of memory: Kill%[ed%] process %{int:process} (%{text:process_name})%{rest} => level=error
%{word:device}: renamed from %{word:old_name}
[%{num:uptime}] %{rest:text}`},
	{"postgresql", "", `
%{text:time} [%{int:pid}]%[ [%{text}]%]%[: [%{text}]%] %[%{text:user}@%{text:database} %]LOG:  duration: %{num:duration_ms} ms  %{text:phase}: %{rest:statement} => level=info
%{text:time} [%{int:pid}]%[ [%{text}]%]%[: [%{text}]%] %[%{text:user}@%{text:database} %]%{word:level}:  %{rest:message}`},
	{"mysql", "", `
%{word:time} %{int:thread} [%{word:level}] [%{word:error_code}] [%{word:subsystem}] %{rest:message}
%{word:time} %{int:thread} [%{word:level}] %{rest:message}
%{word:time} %{int:thread} %{word:command}	%{rest:statement}`},
	{"redis", "", `
%{int:pid}:%{word:role} %{text:time} * %{rest:message} => level=notice
%{int:pid}:%{word:role} %{text:time} # %{rest:message} => level=warning
%{int:pid}:%{word:role} %{text:time} - %{rest:message} => level=info
%{int:pid}:%{word:role} %{text:time} . %{rest:message} => level=debug`},
}

// headerText holds lines that begin with a header of their own.
var headerText = []group{
	{"nginx_error", "", `
%{text:time} [%{word:level}] %{int:pid}#%{int:tid}: *%{int:connection} user "%{text:user}"%{text:reason}, client: %{ip:src_ip}, server: %{text:server}%[, request: "%{text:http_request}"%]%[, upstream: "%{text:upstream}"%]%[, host: "%{text:vhost}"%]%[, referrer: "%{text:referrer}"%] => outcome=failure
%{text:time} [%{word:level}] %{int:pid}#%{int:tid}: *%{int:connection} client %{ip:src_ip}:%{int:src_port} connected to %{ip:dst_ip}:%{int:dst_port}
%{text:time} [%{word:level}] %{int:pid}#%{int:tid}: *%{int:connection} client login failed: "%{text:reason}" while in http auth state, client: %{ip:src_ip}%[ using %{word:tls}%], server: %{ip:dst_ip}:%{int:dst_port}%[, login: "%{text:user}"%]%[, %{rest}%] => outcome=failure
%{text:time} [%{word:level}] %{int:pid}#%{int:tid}: *%{int:connection} client logged in, client: %{ip:src_ip}%[ using %{word:tls}%], server: %{ip:dst_ip}:%{int:dst_port}%[, login: "%{text:user}"%]%[, %{rest}%] => outcome=success
%{text:time} [%{word:level}] %{int:pid}#%{int:tid}: *%{int:connection} %{text:message}, client: %{ip:src_ip}%[ using %{word:tls}%], server: %{ip:dst_ip}:%{int:dst_port}%[, login: "%{text:user}"%]%[, upstream: %{ip:upstream_ip}:%{int:upstream_port}%]%[, %{rest}%]
%{text:time} [%{word:level}] %{int:pid}#%{int:tid}: *%{int:connection} %{text:message}, client: %{ip:src_ip}, server: %{text:server}%[, login: "%{text:user}"%]%[, upstream: %{text:upstream_server}%]%[, request: "%{text:http_request}"%]%[, subrequest: "%{text:subrequest}"%]%[, upstream: "%{text:upstream}"%]%[, host: "%{text:vhost}"%]%[, referrer: "%{text:referrer}"%]
%{text:time} [%{word:level}] %{int:pid}#%{int:tid}: *%{int:connection} %{rest:message}
%{text:time} [%{word:level}] %{int:pid}#%{int:tid}: %{rest:message}`},
	{"nginx_proxy_manager", "", `
[%{text:time}] %[%{word:cache_status} %]%[%{int:upstream_status} %]%{int:status} - %{word:method} %{word:scheme} %{word:vhost} "%{text:path}" [Client %{ip:src_ip}] [Length %{word:bytes}] [Gzip %{word:gzip_ratio}]%[ [Sent-to %{text:upstream}]%] "%{text:user_agent}" "%{text:referrer}"
[%{text:time}] %{word:cache_status} %{word:upstream_status} %{int:status} - %{word:method} %{word:scheme} %{word:vhost} "%{text:path}" [Client %{ip:src_ip}] [Length %{word:bytes}] [Gzip %{word:gzip_ratio}]%[ [Sent-to %{text:upstream}]%] "%{text:user_agent}" "%{text:referrer}"`},
	{"nginx_access", "", `
[%{text:time}] %{word:vhost} %{ip:src_ip} %{num:duration_s} %{quoted:http_request} %{int:status} %{int:bytes} %{int:request_bytes} %{word:user} %{rest:user_agent}`},
	{"envoy", "", `
[%{text:time}] %{quoted:http_request} %{int:status} %{word:response_flags} %{int:bytes_received} %{int:bytes} %{int:duration_ms} %{word:upstream_time_ms} "%{text:forwarded_for}" %{quoted:user_agent} "%{text:request_id}" "%{text:vhost}" "%{text:upstream}"%{rest}
[%{text:time}] %{quoted:http_request} %{int:status} %{word:response_flags} %{text:response_details} %{int:bytes_received} %{int:bytes} %{int:duration_ms} %{word:upstream_time_ms} "%{text:forwarded_for}" %{quoted:user_agent} "%{text:request_id}" "%{text:vhost}" "%{text:upstream}"%{rest}`},
	{"apache_error", "", `
[%{text:time}] [%{text:module}:%{word:level}] [pid %{int:pid}%[:tid %{int:tid}%]] %[[%{word} %{ip}:%{int:src_port}] %][client %{ip:src_ip}] ModSecurity: %{text:action} with code %{int:status} (phase %{int:phase}). %{text:reason} [file "%{text:rule_file}"]%{rest:details}
[%{text:time}] [%{text:module}:%{word:level}] [pid %{int:pid}%[:tid %{int:tid}%]] %[[%{word} %{ip}:%{int:src_port}] %][client %{ip:src_ip}] ModSecurity: %{text:action}. %{text:reason} [file "%{text:rule_file}"]%{rest:details}
[%{text:time}] [%{text:module}:%{word:level}] [pid %{int:pid}%[:tid %{int:tid}%]] %[(%{int:proxy_code})%{text:proxy_message}: %]%[[client %{ip:src_ip}:%{int:src_port}] %]%[%{word:code}: %]user %{text:user} not found: %{rest:path} => outcome=failure
[%{text:time}] [%{text:module}:%{word:level}] [pid %{int:pid}%[:tid %{int:tid}%]] %[(%{int:proxy_code})%{text:proxy_message}: %]%[[client %{ip:src_ip}:%{int:src_port}] %]%[%{word:code}: %]user %{text:user}: authentication failure for "%{text:path}": %{rest:reason} => outcome=failure
[%{text:time}] [%{text:module}:%{word:level}] [pid %{int:pid}%[:tid %{int:tid}%]] %[(%{int:proxy_code})%{text:proxy_message}: %]%[[client %{ip:src_ip}:%{int:src_port}] %]%[%{word:code}: %]%{rest:message}
[%{text:time}] [%{word:level}] %[[client %{ip:src_ip}%[:%{int:src_port}%]] %]%{rest:message}`},
	{"elb", "", `
%{word:type} %{word:time} %{word:balancer} %{ip:src_ip}:%{int:src_port} %{text:upstream} %{num:time_request} %{num:time_response} %{num:time_reply} %{int:status} %{word:upstream_status} %{int:bytes_received} %{int:bytes} %{quoted:http_request} %{quoted:user_agent} %{word:tls_cipher} %{word:tls_version}%{rest}`},
	{"pve_firewall", "", `
%{int:vmid} %{int:log_level} %{word:chain} %{text:time} %[%[policy %]%{word:action}: %]%{rest:netfilter}`},
	{"exchange", "", `
%{text:time},%{text:session},%{int:sequence},%{ip:dst_ip}:%{int:dst_port},%{ip:src_ip}:%{int:src_port},%{text:user},%{int:duration_ms},%{int:request_bytes},%{int:response_bytes},%{text:command},%{text:parameters},%{rest:context}`},
	{"asterisk", "", `
[%{text:time}] %{text:category}[%{int:pid}]%[:%] %{word:source} %[%{text:function}: %]SecurityEvent="%{text:event}",EventTV="%{text:event_time}",Severity="%{word:level}",Service="%{text:service}",%{text}AccountID="%{text:user}",SessionID="%{text:session}",LocalAddress="%{text}/%{text:transport}/%{ip:dst_ip}/%{int:dst_port}",RemoteAddress="%{text}/%{text}/%{ip:src_ip}/%{int:src_port}"%{rest:pairs}
[%{text:time}] %{text:category}[%{int:pid}]%[[%{text:call_id}]%]%[:%] %{word:source} %[%{text:function}: %]%{rest:message}`},
	{"freeswitch", "", `
%{text:time} %{num:idle}%% [%{word:level}] %{word:source} Can't find user [%{text:user}@%{host:domain}] from %{ip:src_ip} => outcome=failure
%{text:time} %{num:idle}%% [%{word:level}] %{word:source} SIP auth %{word:result} (%{text:method}) on sofia profile '%{text:profile}' for [%{text:user}] from ip %{ip:src_ip}
%{text:time} %{num:idle}%% [%{word:level}] %{word:source} IP %{ip:src_ip} Rejected by %{rest:reason} => outcome=failure
%{text:time} %{num:idle}%% [%{word:level}] %{word:source} %{rest:message}`},
	{"couchdb", "", `
[%{word:level}] %{word:time} %{word:node} <%{text:process}> %{word:request_id} %{word:vhost} %{ip:src_ip} %{word:user} %{word:method} %{word:path} %{int:status} %{word:result} %{int:duration_ms}`},
	{"litespeed", "", `
%{text:time} [%{word:level}] [%{int:pid}] [%{ip:src_ip}:%{int:src_port}%{text}] [STDERR] [WebAdmin Console] Failed Login Attempt - username:%{text:user} ip:%{ip} url:%{rest:path} => outcome=failure
%{text:time} [%{word:level}] [%{int:pid}] [%{ip:src_ip}:%{int:src_port}%{text}] %{rest:message}`},
	{"adguard", "", `
%{text:time} [%{word:level}] %{word:method} %{host:client} %{text:path}: %[from ip %{ip:src_ip}: %]%{rest:reason}
%{text:time} [%{word:level}] auth: user "%{text:user}" successfully logged in from ip %{ip:src_ip} => outcome=success`},
	{"technitium", "", `
[%{text:time}] [%{ip:src_ip}:%{int:src_port}] %{text:class}: Invalid username or password for user: %{rest:user} => outcome=failure
[%{text:time}] [%{ip:src_ip}:%{int:src_port}] %{rest:message}`},
	{"zimbra", "", `
%{text:time} %{word:level}%[ %] [%{text:thread}:%{word:scheme}://%{host:server}:%{int:port}%{text:path}] [%[name=%{text:account};%]%[oip=%{ip:src_ip};%]%{text:context}] %{text:component} - %{text:event}: authentication failed for [%{text:user}], %{rest:reason} => outcome=failure`},
	{"zimbra", "", `
%{text:time} %{word:level}%[ %] [%{text:thread}:%{word:scheme}://%{host:server}:%{int:port}%{text:path}] [%[name=%{text:user};%]%[oip=%{ip:src_ip};%]%{text:context}] %{text:component} - %{rest:message}`},
	{"harbor", "", `
%{word:time} [%{word:level}] [%{text:source}][client IP="%{ip:src_ip}%{text}" %{text}]: failed to authenticate user:%{text:user}, %{rest:reason} => outcome=failure`},
	{"paloalto", "", `
1,%{text:receive_time},%{text:serial},THREAT,%{text:subtype},%{text},%{text:generated_time},%{ip:src_ip},%{ip:dst_ip},%{text:nat_src_ip},%{text:nat_dst_ip},%{text:rule},%{text:user},%{text:dst_user},%{text:application},%{text:vsys},%{text:src_zone},%{text:dst_zone},%{text:in_interface},%{text:out_interface},%{text:log_profile},%{text},%{text:session},%{text:repeat_count},%{text:src_port},%{text:dst_port},%{text:nat_src_port},%{text:nat_dst_port},%{text:flags},%{text:protocol},%{text:action},%[%{quoted:url}%]%[%{text:url}%],%{text:threat_id},%{text:category},%{text:severity_text},%{text:direction},%{text:sequence},%{text:action_flags},%{text:src_country},%{text:dst_country},%{rest:more}
1,%{text:receive_time},%{text:serial},TRAFFIC,%{text:subtype},%{text},%{text:generated_time},%{ip:src_ip},%{ip:dst_ip},%{text:nat_src_ip},%{text:nat_dst_ip},%{text:rule},%{text:user},%{text:dst_user},%{text:application},%{text:vsys},%{text:src_zone},%{text:dst_zone},%{text:in_interface},%{text:out_interface},%{text:log_profile},%{text},%{text:session},%{text:repeat_count},%{text:src_port},%{text:dst_port},%{text:nat_src_port},%{text:nat_dst_port},%{text:flags},%{text:protocol},%{text:action},%{int:bytes},%{rest:more}`},
	{"web_firewall", "", `
[client %{quoted:src_ip}] %{word:engine}: %{text:reason} [file %{quoted:rule_file}]%{rest:details}`},
	{"traefik", "", `
Handling %{word:protocol} %{word} from %{ip:src_ip}:%{int:src_port} to %{ip:dst_ip}:%{int:dst_port}`},
	{"iis", "", `
%{text:time} %{ip:dst_ip} %{word:method} %{word:path} %{word:query} %{int:dst_port} %{word:user} %{ip:src_ip} %{word:user_agent} %[%{word:referrer} %]%{int:status} %{int:substatus} %{int:win32_status} %{int:duration_ms}`},
	{"python", "", `
%{word:level}:%{word:logger}:%{rest:message}`},
}
