import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/** One OpenSearch node of the published jars, on loopback: `java -cp "jars/*" SingleNode.java FOLDER PORT`. It ends with the process. */
public final class SingleNode extends Node {
  private SingleNode(Settings settings) {
    super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "ci"), List.of(Netty4Plugin.class), false);
  }

  public static void main(String[] arguments) throws Exception {
    Settings settings = Settings.builder()
      .put("path.home", Path.of(arguments[0]).toAbsolutePath().toString())
      .put("cluster.name", "ci")
      .put("node.name", "ci")
      .put("discovery.type", "single-node")
      .put("network.host", "127.0.0.1")
      .put("http.port", arguments[1])
      .put("transport.port", "0")
      .put("http.type", "netty4")
      .put("transport.type", "netty4")
      .put("cluster.routing.allocation.disk.threshold_enabled", false)
      .build();
    SingleNode node = new SingleNode(settings);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        node.close();
      } catch (java.io.IOException error) {
        System.err.println(error);
      }
    }));
    node.start();
    Thread.currentThread().join();
  }
}
