limits {
  api_rps   = 0
  api_burst = "many"
}

region = "eu-home-1"

node {
  name     = "Node_1"
  capabilites = ["ec2"]
  caps     = ["ec2", "ebz", "raft"]
  data_dir = "/srv/hive"
  hive_dir = "/srv/other"
}

computes {
  accel = "kvm"
}

compute {
  accel          = "xen"
  reserve_memory = "4 gallons"
  reserve_cpu    = "2"
}

listen {
  api     = "9443"
  cluster = "0.0.0.0:8443"
  gossip  = "127.0.0.1:8443"
}

network {
  mode         = "user"
  public_pool  = "10.1.2.3/16"
  public_ports = [22, 70000, "http", 22]
}

tls {
  cert_file = "/nonexistent/cert.pem"
  key_file  = "/nonexistent/key.pem"
}

telemetry {
  interval   = 10
  prometheus = "yes"
}

telemetry "extra" {
  exporter { }
}
